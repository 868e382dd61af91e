/** The mark: an anvil. */
import type { ReactNode } from "react";

export function Logo({ size = 28 }: { readonly size?: number }): ReactNode {
  return (
    <svg aria-hidden width={size} height={size} viewBox="0 0 32 32" fill="none">
      <rect width="32" height="32" rx="8" fill="var(--accent)" />
      <path
        fill="var(--on-accent)"
        d="M6 10h6v1.2h14v2.4c-4.2.2-6.6 1.600-7 4.200l2.600 2.800V23H10.400v-2.400l2.600-2.800c-.2-2.400-2.600-4.200-7-5z"
      />
    </svg>
  );
}
