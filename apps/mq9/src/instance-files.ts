// The files by which whoever started the process finds it: its id, and the ports it listens on.
// Written once everything listens, removed when the process ends as asked.
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ExitError, exitTemporary } from "./exit-codes.ts";

/** Addresses by kind, as URLs. */
export interface PortsFile {
  readonly nats: readonly string[];
  readonly monitoring: readonly string[];
  readonly cluster: readonly string[];
  readonly profile: readonly string[];
  readonly websocket: readonly string[];
}

/** Files of this process. */
export class InstanceFiles {
  readonly #written: string[] = [];

  /** @throws {ExitError} when it can not be written */
  writePid(file: string): void {
    this.#write(file, String(process.pid));
  }

  /**
   * `<folder>/<program>_<pid>.ports`
   * @param program what a launcher believes to have started
   * @throws {ExitError} when it can not be written
   */
  writePorts(folder: string, program: string, ports: PortsFile): void {
    const file = path.join(folder, `${program}_${process.pid}.ports`);
    const filled = Object.entries(ports).filter(([, urls]) => urls.length > 0);
    this.#write(file, `${JSON.stringify(Object.fromEntries(filled), undefined, "\t")}\n`);
  }

  /** Best effort: a file that is left over does no harm. */
  remove(): void {
    for (const file of this.#written.splice(0)) rmSync(file, { force: true });
  }

  #write(file: string, content: string): void {
    try {
      writeFileSync(file, content);
      chmodSync(file, 0o644); // whatever the umask is: others look for them
    } catch (error) {
      throw new ExitError(exitTemporary, `${file} can not be written: ${(error as Error).message}`);
    }
    this.#written.push(path.resolve(file));
  }
}
