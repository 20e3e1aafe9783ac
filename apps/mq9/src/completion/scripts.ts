// Completion scripts for three shells, made from the tree of commands. They call nothing: a key that is
// pressed waits neither for Node nor for a broker.
import type { CompletedCommand, CompletedFlag } from "./words.ts";

type Commands = readonly CompletedCommand[];

/** By the name of the shell. */
export const completionScripts: Readonly<Record<string, (commands: Commands) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

function bashScript(commands: Commands): string {
  return `# Completion of mq9 for bash. Load it with: source <(mq9 completion bash)
_mq9() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}"
  local at="" words="" flags="" i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at/\${COMP_WORDS[i]}" in
      ${alternatives(commands)}) at="$at/\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${commands.flatMap((command) => valueCases(command, "    ", (reply) => `${reply}; return`)).join("\n")}
  esac
  case "$at" in
${commands.map((command) => `    ${quoted(command.path)}) words=${quoted(namesOf(command))}; flags=${quoted(flagsOf(command))} ;;`).join("\n")}
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$cur"))
  elif [[ -n $words ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    case "$at" in
      ${pathsWithFiles(commands)}) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
    esac
  fi
}
complete -F _mq9 mq9
`;
}

/** What follows a flag that takes a value. */
function valueCases(
  { path, flags }: CompletedCommand,
  indent: string,
  end: (reply: string) => string,
): string[] {
  return flags
    .filter(({ value }) => value !== "none")
    .map((flag) => {
      const patterns = spellings(flag).map((name) => quoted(`${path} ${name}`));
      const reply =
        flag.value === "words"
          ? `COMPREPLY=($(compgen -W ${quoted(flag.words.join(" "))} -- "$cur"))`
          : flag.value === "file"
            ? `compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur"))`
            : ":";
      return `${indent}${patterns.join("|")}) ${end(reply)} ;;`;
    });
}

function zshScript(commands: Commands): string {
  const cases = commands.map((command) => {
    const words = command.words.map(({ name, help }) => quoted(described(name, help)));
    const flags = command.flags.flatMap((flag) =>
      spellings(flag).map((name) => quoted(described(name, flag.help))),
    );
    return `    ${quoted(command.path)}) subs=(${words.join(" ")}); flags=(${flags.join(" ")}) ;;`;
  });
  const values = commands.flatMap(({ path, flags }) =>
    flags
      .filter(({ value }) => value !== "none")
      .map((flag) => {
        const patterns = spellings(flag).map((name) => quoted(`${path} ${name}`));
        const reply =
          flag.value === "words"
            ? `compadd -- ${flag.words.map(quoted).join(" ")}`
            : flag.value === "file"
              ? "_files"
              : "_message 'value'";
        return `    ${patterns.join("|")}) ${reply}; return ;;`;
      }),
  );
  return `#compdef mq9
# Completion of mq9 for zsh. Load it with: source <(mq9 completion zsh)
_mq9() {
  local cur="\${words[CURRENT]}" prev="\${words[CURRENT-1]}" at=""
  local -a subs flags
  local -i i
  for ((i = 2; i < CURRENT; i++)); do
    case "$at/\${words[i]}" in
      ${alternatives(commands)}) at="$at/\${words[i]}" ;;
    esac
  done
  case "$at $prev" in
${values.join("\n")}
  esac
  case "$at" in
${cases.join("\n")}
  esac
  if [[ $cur == -* ]]; then
    _describe -o 'flag' flags
  elif (( \${#subs} )); then
    _describe 'command' subs
  else
    case "$at" in
      ${pathsWithFiles(commands)}) _files ;;
    esac
  fi
}
if (( \${+functions[compdef]} )); then compdef _mq9 mq9; fi
`;
}

function fishScript(commands: Commands): string {
  const lines = commands.flatMap((command) => {
    const at = `-n ${fishQuoted(`__mq9_at ${fishQuoted(command.path)}`)}`;
    return [
      ...command.words.map(
        ({ name, help }) => `complete -c mq9 ${at} -a ${fishQuoted(name)}${fishHelp(help)}`,
      ),
      ...command.flags.map((flag) => fishFlag(flag, at)),
      ...(command.files ? [`complete -c mq9 ${at} -F`] : []),
    ];
  });
  const known = commands.filter(({ path }) => path !== "").map(({ path }) => path);
  return `# Completion of mq9 for fish. Load it with: mq9 completion fish | source
function __mq9_at
  set -l at ""
  for word in (commandline -opc)[2..-1]
    switch "$at/$word"
      case ${known.map(fishQuoted).join(" ")}
        set at "$at/$word"
    end
  end
  test "$at" = "$argv[1]"
end
complete -c mq9 -f
${lines.join("\n")}
`;
}

function fishFlag({ long, short, help, value, words }: CompletedFlag, at: string): string {
  const names = `-l ${long.replace(/^--/, "")}${short === undefined ? "" : ` -s ${short.slice(1)}`}`;
  const takes =
    value === "none"
      ? ""
      : value === "words"
        ? ` -x -a ${fishQuoted(words.join(" "))}`
        : value === "file"
          ? " -r -F"
          : " -x";
  return `complete -c mq9 ${at} ${names}${takes}${fishHelp(help)}`;
}

function fishHelp(help: string): string {
  return help === "" ? "" : ` -d ${fishQuoted(help)}`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}

function alternatives(commands: Commands): string {
  return commands
    .filter(({ path }) => path !== "")
    .map(({ path }) => quoted(path))
    .join("|");
}

function pathsWithFiles(commands: Commands): string {
  const paths = commands.filter(({ files }) => files).map(({ path }) => quoted(path));
  return paths.length === 0 ? quoted("none") : paths.join("|");
}

function namesOf({ words }: CompletedCommand): string {
  return words.map(({ name }) => name).join(" ");
}

function flagsOf({ flags }: CompletedCommand): string {
  return flags.flatMap(spellings).join(" ");
}

function spellings({ long, short }: CompletedFlag): string[] {
  return short === undefined ? [long] : [long, short];
}

function described(name: string, help: string): string {
  return help === "" ? name : `${name.replaceAll(":", String.raw`\:`)}:${help}`;
}

/** In single quotes, for bash and zsh. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
