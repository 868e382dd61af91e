/** The title of the window: what is shown, then the program. */
import { useEffect } from "react";

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "forge" : `${title} – forge`;
  }, [title]);
}
