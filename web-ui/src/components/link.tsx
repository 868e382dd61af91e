/** A link to another screen of this page: without loading the page again. */
import type { AnchorHTMLAttributes, MouseEvent, ReactNode, Ref } from "react";

import { navigate } from "../router.ts";
import type { NavigateOptions } from "../router.ts";

export interface LinkProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  readonly href: string;
  readonly replace?: boolean;
  /** See `navigate`. */
  readonly state?: string | undefined;
  readonly ref?: Ref<HTMLAnchorElement>;
}

export function Link({ href, replace, state, onClick, children, ...rest }: LinkProps): ReactNode {
  return (
    <a
      {...rest}
      href={href}
      onClick={(event) => {
        onClick?.(event);
        if (!isPlainClick(event)) return;
        event.preventDefault();
        const options: NavigateOptions = { replace: replace ?? false, state };
        navigate(href, options);
      }}
    >
      {children}
    </a>
  );
}

/** Other clicks open tabs and windows, or save: they are the browser's. */
function isPlainClick(event: MouseEvent): boolean {
  return (
    !event.defaultPrevented &&
    event.button === 0 &&
    !event.metaKey &&
    !event.ctrlKey &&
    !event.shiftKey &&
    !event.altKey
  );
}
