import { describe, expect, it } from "vitest";
import { distinguishedName, parseAltNames } from "./certificate.ts";

describe("parseAltNames", () => {
  it("tells the names of each kind apart", () => {
    expect(
      parseAltNames("DNS:a.example, IP Address:127.0.0.1, email:a@b.c, URI:spiffe://x/y"),
    ).toEqual([
      { kind: "DNS", value: "a.example" },
      { kind: "IP Address", value: "127.0.0.1" },
      { kind: "email", value: "a@b.c" },
      { kind: "URI", value: "spiffe://x/y" },
    ]);
  });

  it("takes a quoted value for one name, whatever is in it", () => {
    expect(parseAltNames('DNS:"evil.example, DNS:admin.example", email:x@y.z')).toEqual([
      { kind: "DNS", value: "evil.example, DNS:admin.example" },
      { kind: "email", value: "x@y.z" },
    ]);
    expect(parseAltNames('URI:"a\\", URI:admin"')).toEqual([
      { kind: "URI", value: 'a", URI:admin' },
    ]);
  });

  it("leaves out names with control characters", () => {
    expect(parseAltNames('DNS:"admin.example\\u0000.evil.example", DNS:b')).toEqual([
      { kind: "DNS", value: "b" },
    ]);
  });

  it.each(['DNS:"open', "nonsense", 'DNS:"a"b', 'DNS:"\\x"', "1:a", 'DNS:"a",DNS:b'])(
    "knows no names at all in %s",
    (text) => {
      expect(parseAltNames(text)).toEqual([]);
    },
  );

  it("knows none in nothing", () => {
    expect(parseAltNames("")).toEqual([]);
  });
});

describe("distinguishedName", () => {
  it("puts the most specific part first", () => {
    expect(distinguishedName("C=DE\nO=Org\nCN=agent")).toBe("CN=agent,O=Org,C=DE");
  });

  it("joins the parts of one line, and leaves escaped text as it is", () => {
    expect(distinguishedName("OU=a + OU=b\nCN=x\\, CN=admin \\+ y")).toBe(
      "CN=x\\, CN=admin \\+ y,OU=a+OU=b",
    );
  });

  it("is empty for a certificate without subject", () => {
    expect(distinguishedName(undefined)).toBe("");
    expect(distinguishedName("")).toBe("");
  });
});
