/** What a defect of the page leaves visible: a sentence and a way on, instead of an empty window. */
import { Component } from "react";
import type { ReactNode } from "react";

import { Button } from "./button.tsx";
import { ErrorState } from "./states.tsx";

interface Props {
  readonly children: ReactNode;
}

interface State {
  readonly error: unknown;
}

export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: undefined };

  static getDerivedStateFromError(error: unknown): State {
    return { error: error ?? new Error("Something failed without saying why.") };
  }

  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return (
      <ErrorState
        title="This page could not be shown"
        error={this.state.error}
        actions={
          <Button
            onClick={() => {
              location.reload();
            }}
          >
            Load again
          </Button>
        }
      />
    );
  }
}
