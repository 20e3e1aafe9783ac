import { expect, test } from "vitest";
import { userOfCertificate } from "./certificate.ts";

const certificate = {
  subject: "CN=agent,OU=Field\\, West,O=Example",
  emails: ["agent@example.com"],
  dnsNames: ["agent.example.com", "alt.example.com"],
  uris: ["spiffe://example.com/agent"],
  spkiSha256: "",
  authorities: [],
};
const find = (...names: string[]) => userOfCertificate(certificate, new Set(names));

test("e-mail goes before DNS, DNS before URI, URI before the subject", () => {
  const names = [
    ...certificate.emails,
    "alt.example.com",
    ...certificate.uris,
    certificate.subject,
  ];
  for (let from = 0; from < names.length; from++)
    expect(find(...names.slice(from))).toBe(names[from]);
});

test("the subject matches in any order and any case of its types, values exactly", () => {
  const other = "O=Example, cn=agent, OU=Field\\, West";
  expect(find(other)).toBe(other);
  expect(find("CN=agent,O=Example")).toBeUndefined();
  expect(find("CN=Agent,OU=Field\\, West,O=Example")).toBeUndefined();
  expect(find("CN=agent,OU=Field,O=Example")).toBeUndefined();
  expect(find("agent")).toBeUndefined();
});

test("what a value says of other parts is no part", () => {
  const forged = { ...certificate, emails: [], dnsNames: [], uris: [], subject: "CN=x\\,O=Root" };
  expect(userOfCertificate(forged, new Set(["CN=x,O=Root"]))).toBeUndefined();
});
