/** A command on the repository that is named, or on all that are configured, one after another. */
import type { CommandContext } from "./command.ts";
import { EXIT, type ExitCode, exitCodeOfError } from "./exit-code.ts";
import { chooseRepositories, nameOf, settingsOf } from "./repository-choice.ts";
import { type Session, withSession } from "./session.ts";

/**
 * A repository that fails does not keep the others from their turn.
 * @returns the exit code of the one that went worst.
 */
export async function forEachRepository(
  context: CommandContext,
  work: (session: Session) => Promise<ExitCode>,
): Promise<ExitCode> {
  const repositories = chooseRepositories(context, await settingsOf(context));
  const [first, second] = repositories;
  if (first !== undefined && second === undefined) {
    return withSession(context, first, work, { writes: true });
  }
  let worst: ExitCode = EXIT.done;
  for (const repository of repositories) {
    context.signal.throwIfAborted();
    context.output.note(`${nameOf(repository)}:`);
    try {
      const code = await withSession(context, repository, work, { writes: true });
      if (worst === EXIT.done) worst = code;
    } catch (error) {
      if (exitCodeOfError(error) === EXIT.interrupted) throw error;
      context.output.failure(error);
      if (worst === EXIT.done || worst === EXIT.someSkipped) worst = exitCodeOfError(error);
    }
  }
  return worst;
}
