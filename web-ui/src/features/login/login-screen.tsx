/** The password. Shown in place of every screen; the address stays, so one arrives where one wanted. */
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import type { ReactNode, SubmitEvent } from "react";

import { ApiFailure, messageOf } from "../../api/client.ts";
import { logIn } from "../../api/queries.ts";
import { Button } from "../../components/button.tsx";
import { TextField } from "../../components/field.tsx";
import { Notice } from "../../components/states.tsx";
import { formatDuration } from "../../format.ts";
import { Logo } from "../../shell/logo.tsx";
import { useTitle } from "../../shell/use-title.ts";
import styles from "./login-screen.module.css";

export function LoginScreen({
  program,
  ticketError,
}: {
  readonly program: string;
  /** Why the link that was opened did not log in. */
  readonly ticketError: unknown;
}): ReactNode {
  useTitle("Log in");
  const client = useQueryClient();
  const field = useRef<HTMLInputElement>(null);
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string | undefined>();
  const [waitSeconds, wait] = useCountdown();

  useEffect(() => {
    field.current?.focus();
  }, []);

  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await logIn(client, { password });
    } catch (failure) {
      setBusy(false);
      setPassword("");
      if (failure instanceof ApiFailure && failure.code === "too-many-attempts") {
        wait(failure.retryAfterSeconds ?? 5);
      } else {
        setError(sentenceOf(failure));
        // After the field is no longer disabled.
        requestAnimationFrame(() => field.current?.focus());
      }
    }
  };
  const onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (password !== "" && waitSeconds === 0) void submit();
  };

  return (
    <main className={styles["screen"]}>
      <form className={styles["card"]} onSubmit={onSubmit}>
        <div className={styles["head"]}>
          <Logo size={40} />
          <h1>Open your backups</h1>
          <p>Enter the password that was printed when the server started, or the one you set.</p>
        </div>
        {ticketError !== undefined && error === undefined && waitSeconds === 0 && (
          <Notice>The link you opened can be used only once. Enter the password instead.</Notice>
        )}
        {waitSeconds > 0 && (
          <Notice tone="danger">
            Too many wrong passwords. You can try again in {formatDuration(waitSeconds * 1000)}.
          </Notice>
        )}
        {/* Password managers file a password under a name. */}
        <input
          type="text"
          name="username"
          autoComplete="username"
          value="forge"
          readOnly
          hidden
          aria-hidden
        />
        <TextField
          ref={field}
          label="Password"
          type="password"
          name="password"
          autoComplete="current-password"
          value={password}
          disabled={busy}
          error={error}
          onChange={(event) => {
            setPassword(event.target.value);
          }}
        />
        <Button
          type="submit"
          variant="primary"
          busy={busy}
          disabled={password === "" || waitSeconds > 0}
        >
          {busy ? "Checking" : "Log in"}
        </Button>
      </form>
      <p className={styles["program"]}>{program}</p>
    </main>
  );
}

function sentenceOf(failure: unknown): string {
  if (failure instanceof ApiFailure && failure.status === 401)
    return "This password is wrong. Try again.";
  return messageOf(failure);
}

/** Seconds left, and what starts them. */
function useCountdown(): [number, (seconds: number) => void] {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (left <= 0) return;
    const timer = setTimeout(() => {
      setLeft(left - 1);
    }, 1000);
    return () => {
      clearTimeout(timer);
    };
  }, [left]);
  return [
    left,
    (seconds) => {
      setLeft(Math.ceil(seconds));
    },
  ];
}
