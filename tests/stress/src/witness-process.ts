// The witness as a process of its own: ends when told so, and tells what it saw.
import { startWitness } from "./witness.ts";

const witness = await startWitness(Number(process.argv[2]));
process.send?.("ready");
process.once("message", () => {
  void witness.end().then(
    (seen) => process.send?.(seen, () => process.exit(0)),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
