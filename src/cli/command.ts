/** Command: what one subcommand declares, and the context it runs in. */
import type { Environment } from "../environment.ts";
import type { ExitCode } from "./exit-code.ts";
import type { GlobalOptions } from "./global-options.ts";
import type { ArgumentKind, OptionKind } from "./option-kinds.ts";
import type { Output } from "./output.ts";

export interface CommandContext {
  readonly output: Output;
  readonly globals: GlobalOptions;
  readonly environment: Environment;
  /** Fires on the first SIGINT or SIGTERM: what runs has to end soon and cleanly. */
  readonly signal: AbortSignal;
}

type Arguments = Readonly<Record<string, ArgumentKind<unknown>>>;
type Options = Readonly<Record<string, OptionKind<unknown>>>;
type Values<Kinds> = {
  readonly [Name in keyof Kinds]: Kinds[Name] extends { decode(raw: unknown): infer Value }
    ? Value
    : never;
};

export interface CommandDeclaration<A extends Arguments, O extends Options> {
  /** What it does, in a sentence or a few. */
  readonly description: string;
  /** In the order they are typed; the names show in the help. */
  readonly arguments: A;
  readonly options: O;
  /** Lines under "Examples:" in the help. */
  readonly examples: readonly string[];
  run(context: CommandContext, values: Values<A> & Values<O>): Promise<ExitCode>;
}

/** A command with its types closed over: what the table holds and `main` runs. */
export interface Command {
  readonly description: string;
  readonly arguments: Arguments;
  readonly options: Options;
  readonly examples: readonly string[];
  /** @throws ForgeError "usage" when a raw value cannot be used; whatever the command throws. */
  run(context: CommandContext, raw: Readonly<Record<string, unknown>>): Promise<ExitCode>;
}

export function defineCommand<const A extends Arguments, const O extends Options>(
  declaration: CommandDeclaration<A, O>,
): Command {
  const kinds: Readonly<Record<string, { decode(raw: unknown): unknown }>> = {
    ...declaration.arguments,
    ...declaration.options,
  };
  return {
    description: declaration.description,
    arguments: declaration.arguments,
    options: declaration.options,
    examples: declaration.examples,
    async run(context, raw) {
      const values = Object.fromEntries(
        Object.entries(kinds).map(([name, kind]) => [name, kind.decode(raw[name])]),
      );
      // The one place where declared kinds become their values' types.
      return declaration.run(context, values as Values<A> & Values<O>);
    },
  };
}
