/**
 * `#login=…`: the link that `forge browse` opens. The ticket is good once; it is taken out of the
 * address, and out of the history, before anything else is done.
 */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { logIn } from "../../api/queries.ts";

/** Taken before the first render: nothing may see the ticket in the address. */
const ticket = takeTicket();

function takeTicket(): string | undefined {
  const match = /^#login=([A-Za-z0-9._~-]+)$/.exec(location.hash);
  if (match === null) return undefined;
  history.replaceState(history.state, "", location.pathname + location.search);
  return match[1];
}

export interface LoginTicket {
  /** The ticket is being used. */
  readonly pending: boolean;
  readonly error: unknown;
}

let used = false;

export function useLoginTicket(): LoginTicket {
  const client = useQueryClient();
  const [state, setState] = useState<LoginTicket>({
    pending: ticket !== undefined,
    error: undefined,
  });
  useEffect(() => {
    if (ticket === undefined || used) return;
    used = true;
    logIn(client, { ticket }).then(
      () => {
        setState({ pending: false, error: undefined });
      },
      (error: unknown) => {
        setState({ pending: false, error });
      },
    );
  }, [client]);
  return state;
}
