// What can go wrong while the broker starts, each as one sentence that says what to do, and the exit
// code that goes with it. Called by the serve command with whatever `broker.start()` rejected with.
import { type BrokerOptions, isLoopback } from "@mq9/broker";
import { StoreError } from "@mq9/store";
import { ExitError, exitDisk, exitTemporary } from "./exit-codes.ts";

export interface StartContext {
  readonly options: BrokerOptions;
  /** Absolute path of the data folder. */
  readonly dataFolder: string;
}

/**
 * @returns undefined for errors that nobody foresaw: those are defects and keep their stack trace
 */
export function explainStartError(error: unknown, context: StartContext): ExitError | undefined {
  if (error instanceof ExitError) return error;
  if (error instanceof StoreError) return explainStoreError(error, context.dataFolder);
  if (error instanceof Error) return explainListenError(error, context.options);
  return undefined;
}

function explainStoreError(error: StoreError, folder: string): ExitError | undefined {
  const because = (code: number, message: string) => new ExitError(code, message, { cause: error });
  switch (error.code) {
    case "locked":
      return because(
        exitTemporary,
        `data folder ${folder} is in use by another mq9 process: stop that one first, or give this one a folder of its own with --data`,
      );
    case "format": // the store's own sentence says what is there and which release reads it
      return because(exitTemporary, `${error.message} (the folder is chosen with --data)`);
    case "full":
      return because(
        exitTemporary,
        `the disk that holds the data folder ${folder} is full: free some space and start again; nothing stored is lost`,
      );
    case "corrupt":
      return because(
        exitDisk,
        `${error.message} (keep a copy of ${folder} as it is before anything else; --data chooses another folder)`,
      );
    case "io":
      return because(
        exitDisk,
        `data folder ${folder} can not be used: ${error.message}. Check the disk and the permissions of what is in the folder`,
      );
    case "closed":
      return undefined;
  }
}

/** What the platform tells beside the code. */
interface ListenError extends NodeJS.ErrnoException {
  readonly port?: number;
  readonly address?: string;
}

function explainListenError(error: ListenError, options: BrokerOptions): ExitError | undefined {
  // Of the listener that failed, where the platform says which: there are those of monitoring too.
  const port = error.port ?? options.port;
  const host = error.address ?? options.host;
  const another =
    port === options.port
      ? `--port ${nextPort(port)} (--port -1 takes any free one)`
      : "http_port, metrics_port or the port of websocket";
  const because = (message: string) => new ExitError(exitTemporary, message, { cause: error });
  switch (error.code) {
    case "EADDRINUSE":
      return because(
        `port ${port} on ${host} is in use by another program: see which with \`${portQuery(port)}\`, or choose another with ${another}`,
      );
    case "EACCES":
      return because(
        `port ${port} may not be opened by this user${port < 1024 ? " (ports below 1024 are privileged)" : ""}: choose another with --port 4222`,
      );
    case "EADDRNOTAVAIL":
      return because(
        `this machine has no address ${host}: see \`${process.platform === "win32" ? "ipconfig" : "ip address"}\`, or listen on 127.0.0.1 with --host`,
      );
    case "EAFNOSUPPORT":
      return because(
        `this machine can not use the address ${host}: listen on 127.0.0.1 with --host`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return because(`the host name ${host} is not known here: check --host, or give an address`);
    default:
      return undefined;
  }
}

function portQuery(port: number): string {
  if (process.platform === "linux") return `ss -ltnp 'sport = :${port}'`;
  if (process.platform === "win32") return `netstat -ano | findstr :${port}`;
  return `lsof -nP -iTCP:${port} -sTCP:LISTEN`;
}

function nextPort(port: number): number {
  return port < 65_535 ? port + 1 : port - 1;
}

/** Said once at every start with `--insecure`; undefined when only this machine can connect. */
export function insecureWarning({ host, tap, auth }: BrokerOptions): string | undefined {
  if (isLoopback(host) || auth !== undefined) return undefined;
  const watched = tap ? ", and watch all traffic" : "";
  return `listening on ${host} without authentication (--insecure): everyone who can reach it can use every mailbox whose name they know${watched}`;
}
