/** Repository, search over all snapshots, restores, theme and logout. */
import { useQueryClient } from "@tanstack/react-query";
import { LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";

import type { SessionInfo } from "../../../src/server/api.ts";
import { messageOf } from "../api/client.ts";
import { logOut } from "../api/queries.ts";
import { IconButton } from "../components/button.tsx";
import { SearchField } from "../components/field.tsx";
import { Link } from "../components/link.tsx";
import { Menu } from "../components/menu.tsx";
import { showToast } from "../components/toast.tsx";
import { RestoresIndicator } from "../features/take-back/restores-indicator.tsx";
import { navigate, useAddress, useRoute } from "../router.ts";
import { searchHref, timelineHref } from "../routes.ts";
import styles from "./header.module.css";
import { Logo } from "./logo.tsx";
import { setTheme, useTheme } from "./theme.ts";

/** Between a letter and the search for what is typed. */
const TYPING_MS = 220;

type LoggedIn = Extract<SessionInfo, { authenticated: true }>;

export function Header({ session }: { readonly session: LoggedIn | undefined }): ReactNode {
  return (
    <header className={styles["header"]}>
      <Link href={timelineHref} className={styles["home"]} title="All snapshots">
        <Logo />
        <span className="visually-hidden">All snapshots of</span>
        <span className={styles["names"]}>
          <span className={styles["program"]}>forge</span>
          {session && (
            <span className={styles["repository"]} title={session.repository}>
              {session.repository}
            </span>
          )}
        </span>
      </Link>
      {session ? <GlobalSearch /> : <span className={styles["search"]} />}
      <div className={styles["actions"]}>
        {session?.restore.allowed === true && <RestoresIndicator />}
        <ThemeMenu />
        {session && <LogOutButton />}
      </div>
    </header>
  );
}

function GlobalSearch(): ReactNode {
  const route = useRoute();
  const { search } = useAddress();
  const shown = route.name === "search" ? (new URLSearchParams(search).get("q") ?? "") : "";
  const [text, setText] = useState(shown);
  const [seen, setSeen] = useState(shown);
  const field = useRef<HTMLInputElement>(null);
  // Another address came: the field shows what is looked for there.
  if (seen !== shown) {
    setSeen(shown);
    if (text.trim() !== shown) setText(shown);
  }
  // On the page of the search, typing is enough.
  const isSearching = route.name === "search";
  useEffect(() => {
    const query = text.trim();
    if (!isSearching || query === "" || query === shown) return;
    const timer = setTimeout(() => {
      const params = Object.fromEntries(new URLSearchParams(search));
      navigate(searchHref("", { ...params, q: query }), { replace: true });
    }, TYPING_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [isSearching, text, shown, search]);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.key !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
      event.preventDefault();
      field.current?.select();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => {
      document.removeEventListener("keydown", onKeyDown);
    };
  }, []);
  return (
    <form
      role="search"
      className={styles["search"]}
      onSubmit={(event) => {
        event.preventDefault();
        const query = text.trim();
        if (query !== "" && (query !== shown || !isSearching)) navigate(searchHref(query));
      }}
    >
      <SearchField
        ref={field}
        label="Search all snapshots"
        placeholder="Search all snapshots"
        aria-keyshortcuts="Control+K"
        onKeyDown={(event) => {
          if (event.key !== "ArrowDown" || !isSearching) return;
          event.preventDefault();
          document.querySelector<HTMLElement>("main [role=grid]")?.focus();
        }}
        value={text}
        onValueChange={setText}
      />
      <kbd className={styles["shortcut"]} aria-hidden>
        Ctrl K
      </kbd>
    </form>
  );
}

const THEMES = [
  { theme: "system", label: "Same as system", icon: Monitor },
  { theme: "light", label: "Light", icon: Sun },
  { theme: "dark", label: "Dark", icon: Moon },
] as const;

function ThemeMenu(): ReactNode {
  const current = useTheme();
  const icon = THEMES.find(({ theme }) => theme === current)?.icon ?? Monitor;
  return (
    <Menu
      label="Theme"
      trigger={(props) => <IconButton {...props} icon={icon} label="Theme" />}
      items={THEMES.map(({ theme, label, icon: itemIcon }) => ({
        key: theme,
        label,
        icon: itemIcon,
        current: theme === current,
        onSelect: () => {
          setTheme(theme);
        },
      }))}
    />
  );
}

function LogOutButton(): ReactNode {
  const client = useQueryClient();
  return (
    <IconButton
      icon={LogOut}
      label="Log out"
      onClick={() => {
        logOut(client).catch((error: unknown) => {
          showToast({ tone: "danger", text: `Logging out failed. ${messageOf(error)}` });
        });
      }}
    />
  );
}
