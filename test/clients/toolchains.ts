/** The languages, in the order they run, and what each needs of the machine: commands that must end well. */
export const toolchains = {
  typescript: ['node --version', 'npm --version'],
  python: ['python3 -c "import venv, ensurepip"'],
  go: ['go version'],
  java: ['javac -version', 'mvn --version'],
  rust: ['cargo --version'],
} as const satisfies Record<string, readonly string[]>;

export type Language = keyof typeof toolchains;
export const languages = Object.keys(toolchains) as Language[];
