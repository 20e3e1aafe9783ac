// Lists of subjects as people write them become the byte strings that the router compares.
import type { PermissionRules, SubjectRules } from "@mq9/router";
import { toWireSubject } from "@mq9/wire";

/** The same rules on byte strings. */
export function wireRules(rules: PermissionRules): PermissionRules {
  const { publish, subscribe } = rules;
  return {
    ...rules,
    ...(publish === undefined ? {} : { publish: wireSubjects(publish) }),
    ...(subscribe === undefined ? {} : { subscribe: wireSubjects(subscribe) }),
  };
}

function wireSubjects({ allow, deny }: SubjectRules): SubjectRules {
  return {
    ...(allow === undefined ? {} : { allow: allow.map(toWireSubject) }),
    ...(deny === undefined ? {} : { deny: deny.map(toWireSubject) }),
  };
}
