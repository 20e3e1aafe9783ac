import { describe, expect, it } from "vitest";
import { checkTlsOptions, defaultTlsOptions } from "./tls-options.ts";

describe("checkTlsOptions", () => {
  it("names the certificate that can not be read", () => {
    expect(() => checkTlsOptions({ ...defaultTlsOptions, cert: "nonsense", key: "" })).toThrow(
      "the certificate can not be read",
    );
  });
});
