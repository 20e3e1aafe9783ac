// What a broker listens on, who gets in there, and what can be seen of it. Rows of the one table of settings.
import { defaultOptions } from "@mq9/broker";
import { flag, host, offOr, orAuto, path, port, secret, text, texts } from "../kinds.ts";
import type { SettingTable } from "./setting.ts";

export interface NetworkSettings {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly insecure: boolean;
  readonly tap: boolean | "auto";
  readonly user: string;
  readonly pass: string;
  readonly auth: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly tlsCaCert: string;
  readonly tlsVerify: boolean;
  readonly sharedInboxes: boolean;
  readonly httpPort: number | "off";
  readonly httpHost: string;
  readonly httpBasePath: string;
  /** With commas between them, as the next. */
  readonly httpAllowedHosts: string;
  readonly httpAllowedOrigins: string;
  readonly metricsPort: number | "off";
  readonly audit: string;
}

export const networkSettings: SettingTable<NetworkSettings> = {
  host: {
    kind: host,
    fallback: defaultOptions.host,
    group: "Network:",
    help: "address to listen on",
    short: "-a",
    aliases: ["--addr", "--net"],
    option: "host",
  },
  port: {
    kind: port,
    fallback: defaultOptions.port,
    group: "Network:",
    help: "TCP port; 0 or -1 takes any free one",
    short: "-p",
    option: "port",
  },
  name: {
    kind: text,
    fallback: defaultOptions.serverName,
    group: "Network:",
    help: "name that clients are told [the server's id]",
    short: "-n",
    aliases: ["--server_name"],
    option: "serverName",
  },
  insecure: {
    kind: flag,
    fallback: defaultOptions.insecure,
    group: "Network:",
    help: "allow an address that other machines reach, although nobody has to say who they are",
    option: "insecure",
  },
  tap: {
    kind: orAuto(flag),
    fallback: "auto",
    group: "Network:",
    help: "let clients watch all mail pass ($mq9.AI.#); --no-tap forbids it [only while --host is this machine]",
    option: "tap",
  },
  user: {
    kind: text,
    fallback: "",
    group: "Access:",
    help: "user that clients have to be; needs --pass [none]",
  },
  pass: {
    kind: secret,
    fallback: "",
    group: "Access:",
    help: "that user's password, plain or as mq9 passwd prints it [none]",
    secret: true,
  },
  auth: {
    kind: secret,
    fallback: "",
    group: "Access:",
    help: "token that clients have to show [none]",
    secret: true,
  },
  tlsCert: {
    kind: path,
    fallback: "",
    group: "Access:",
    help: "certificate of this broker (PEM); turns TLS on [none]",
    aliases: ["--tlscert"],
  },
  tlsKey: {
    kind: path,
    fallback: "",
    group: "Access:",
    help: "its private key (PEM) [none]",
    aliases: ["--tlskey"],
  },
  tlsCaCert: {
    kind: path,
    fallback: "",
    group: "Access:",
    help: "certificates that clients' certificates are checked against [none]",
    aliases: ["--tlscacert"],
  },
  tlsVerify: {
    kind: flag,
    fallback: false,
    group: "Access:",
    help: "clients have to show a certificate",
    aliases: ["--tlsverify"],
  },
  sharedInboxes: {
    kind: flag,
    fallback: false,
    group: "Access:",
    help: "users may subscribe to _INBOX.> and hear what others are answered",
  },
  httpPort: {
    kind: offOr(port),
    fallback: "off",
    group: "Monitoring:",
    help: "port of /varz, /connz, /healthz and so on; 8222 is usual",
    short: "-m",
    aliases: ["--http_port"],
  },
  httpHost: {
    kind: host,
    fallback: "",
    group: "Monitoring:",
    help: "address that monitoring and metrics listen on [as --host]",
  },
  httpBasePath: {
    kind: text,
    fallback: "",
    group: "Monitoring:",
    help: "path in front of them [none]",
  },
  httpAllowedHosts: {
    kind: texts,
    fallback: "",
    group: "Monitoring:",
    help: "names that a request over loopback may give as its host [those of this machine]",
  },
  httpAllowedOrigins: {
    kind: texts,
    fallback: "",
    group: "Monitoring:",
    help: "origins whose pages may read it, as https://dash.example; * = all [none]",
  },
  metricsPort: {
    kind: offOr(port),
    fallback: "off",
    group: "Monitoring:",
    help: "port of /metrics for Prometheus; 9090 is usual",
  },
  audit: {
    kind: path,
    fallback: "",
    group: "Monitoring:",
    help: "file to which who did what is appended, as JSON lines [none]",
  },
};
