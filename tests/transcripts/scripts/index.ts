// All scripts, in the order in which they are played.
import type { Script } from "../script.ts";
import { appendixScripts } from "./appendix.ts";
import { authScripts } from "./auth.ts";
import { connectScripts } from "./connect.ts";
import { deliveryScripts } from "./delivery.ts";
import { headerScripts } from "./headers.ts";
import { limitScripts } from "./limits.ts";
import { lineScripts } from "./lines.ts";
import { publishScripts } from "./publish.ts";
import { subscribeScripts } from "./subscribe.ts";

export const scripts: readonly Script[] = [
  ...appendixScripts,
  ...lineScripts,
  ...publishScripts,
  ...subscribeScripts,
  ...headerScripts,
  ...connectScripts,
  ...deliveryScripts,
  ...limitScripts,
  ...authScripts,
];
