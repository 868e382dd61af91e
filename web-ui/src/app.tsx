/** The login for those who are not logged in; for the others the shell and the screen of the address. */
import { Compass } from "lucide-react";
import { Suspense, lazy } from "react";
import type { ReactNode } from "react";

import { useSession } from "./api/queries.ts";
import { LinkButton } from "./components/button.tsx";
import { ErrorBoundary } from "./components/error-boundary.tsx";
import { EmptyState, ErrorState, SkeletonRows, SlowNotice } from "./components/states.tsx";
import { LoginScreen } from "./features/login/login-screen.tsx";
import { useLoginTicket } from "./features/login/use-login-ticket.ts";
import { TimelineScreen } from "./features/timeline/timeline-screen.tsx";
import { useAddress, useRoute } from "./router.ts";
import type { Route } from "./routes.ts";
import { timelineHref } from "./routes.ts";
import { Shell } from "./shell/shell.tsx";

const BrowseScreen = lazy(() => import("./features/browse/browse-screen.tsx"));
const FileScreen = lazy(() => import("./features/file/file-screen.tsx"));
const SearchScreen = lazy(() => import("./features/search/search-screen.tsx"));
const VersionsScreen = lazy(() => import("./features/versions/versions-screen.tsx"));
const RestoresScreen = lazy(() => import("./features/take-back/restores-screen.tsx"));
const CompareScreen = lazy(() => import("./features/compare/compare-screen.tsx"));

export function App(): ReactNode {
  const ticket = useLoginTicket();
  const session = useSession();
  const route = useRoute();
  const { pathname } = useAddress();
  if (session.isPending || ticket.pending) {
    return (
      <Shell session={undefined}>
        <SlowNotice pending>The server has not answered yet.</SlowNotice>
      </Shell>
    );
  }
  if (session.isError) {
    return (
      <Shell session={undefined}>
        <ErrorState
          title="The server cannot be asked"
          error={session.error}
          onRetry={() => void session.refetch()}
        />
      </Shell>
    );
  }
  if (!session.data.authenticated) {
    return <LoginScreen program={session.data.program} ticketError={ticket.error} />;
  }
  return (
    <Shell session={session.data}>
      <ErrorBoundary key={pathname}>
        <Suspense fallback={<SkeletonRows count={12} rowHeight={38} />}>
          <Screen route={route} />
        </Suspense>
      </ErrorBoundary>
    </Shell>
  );
}

function Screen({ route }: { readonly route: Route }): ReactNode {
  switch (route.name) {
    case "timeline":
      return <TimelineScreen />;
    case "browse":
      return <BrowseScreen snapshotId={route.snapshot} path={route.path} />;
    case "file":
      return <FileScreen snapshotId={route.snapshot} path={route.path} />;
    case "search":
      return <SearchScreen />;
    case "versions":
      return <VersionsScreen path={route.path} />;
    case "compare":
      return <CompareScreen beforeId={route.before} afterId={route.after} path={route.path} />;
    case "restores":
      return <RestoresScreen />;
    case "unknown":
      return <UnknownScreen />;
    default:
      return route satisfies never;
  }
}

function UnknownScreen(): ReactNode {
  return (
    <>
      <h1 className="visually-hidden">Unknown page</h1>
      <EmptyState
        icon={Compass}
        title="There is no such page"
        actions={<LinkButton href={timelineHref}>Show all snapshots</LinkButton>}
      >
        The address may have been cut or mistyped.
      </EmptyState>
    </>
  );
}
