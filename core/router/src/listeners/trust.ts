// Which authorities stand behind a client certificate, and whether a listener still believes one of them.
// Asked at the end of a handshake, and of every connection when the rules of its listener change.

import { X509Certificate } from "node:crypto";
import type { PeerCertificate } from "../identity.ts";
import { spkiSha256 } from "./certificate.ts";
import { pemBlocks, type TlsOptions } from "./tls-options.ts";

/** Steps from a certificate to its root. */
const depthMax = 16;

/** A certificate that may stand for others. A renewed one for the same key is the same authority. */
interface Authority {
  readonly certificate: X509Certificate;
  /** Its key and its name. */
  readonly id: string;
}

/** What one listener believes. */
export class Trust {
  readonly #authorities: readonly Authority[];
  readonly #roots: ReadonlySet<string>;
  readonly #pins: ReadonlySet<string> | undefined;
  readonly #verifies: boolean;

  /** @param options checked by `checkTlsOptions` */
  constructor({ ca, verify, pinnedCerts }: TlsOptions) {
    this.#authorities = pemBlocks(ca ?? "").map((pem) => authority(new X509Certificate(pem)));
    // One that another one issued is a step on the way, and nobody is believed for its sake alone.
    const roots = this.#authorities.filter(({ certificate }) =>
      isIssuedBy(certificate, certificate),
    );
    this.#roots = new Set(roots.map(({ id }) => id));
    this.#pins = pinnedCerts && new Set(pinnedCerts.map((pin) => pin.toLowerCase()));
    this.#verifies = verify;
  }

  /** All who stand for a certificate whose chain was verified, over whatever it was shown with. */
  authoritiesOf(leaf: X509Certificate): string[] {
    const pool = [...this.#authorities, ...shownWith(leaf).map(authority)];
    const found = new Set<string>();
    let level = [leaf];
    for (let depth = 0; depth < depthMax && level.length > 0; depth++) {
      const above = pool.filter(
        ({ certificate, id }) =>
          !found.has(id) && level.some((each) => isIssuedBy(each, certificate)),
      );
      for (const { id } of above) found.add(id);
      level = above.map(({ certificate }) => certificate);
    }
    return [...found];
  }

  /** Whether somebody with this certificate, once verified, may stay. */
  holds({ authorities, spkiSha256: key }: PeerCertificate): boolean {
    if (!this.#verifies) return true;
    if (this.#pins?.has(key) === false) return false;
    return authorities.some((id) => this.#roots.has(id));
  }
}

function authority(certificate: X509Certificate): Authority {
  return { certificate, id: `${spkiSha256(certificate)} ${certificate.subject}` };
}

/** By name and by signature: two authorities may have one name. */
function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** What the client sent to lead from its certificate to a root. */
function shownWith(leaf: X509Certificate): X509Certificate[] {
  const shown: X509Certificate[] = [];
  let next = leaf.issuerCertificate;
  while (next !== undefined && shown.length < depthMax) {
    shown.push(next);
    next = next.issuerCertificate;
  }
  return shown;
}
