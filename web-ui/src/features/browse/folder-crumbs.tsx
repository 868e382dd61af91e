/** The way from the top of a snapshot to a folder. */
import { HardDrive } from "lucide-react";
import type { ReactNode } from "react";

import type { EncodedPath, PathCrumb } from "../../../../src/server/api.ts";
import { Breadcrumbs } from "../../components/breadcrumbs.tsx";
import { browseHref } from "../../routes.ts";

export function FolderCrumbs({
  snapshotId,
  path,
  crumbs,
  linkLast = false,
}: {
  readonly snapshotId: string;
  readonly path: EncodedPath;
  /** Absent while they are loading: the encoded names say where one is without a jump. */
  readonly crumbs: readonly PathCrumb[] | undefined;
  /** One is not in the last folder but at something in it. */
  readonly linkLast?: boolean;
}): ReactNode {
  const known = crumbs ?? crumbsOfEncoded(path);
  return (
    <Breadcrumbs
      linkLast={linkLast}
      crumbs={[
        {
          key: "root",
          label: (
            <>
              <HardDrive aria-hidden size={18} />
              <span className="visually-hidden">Top of the snapshot</span>
            </>
          ),
          href: browseHref(snapshotId, ""),
        },
        ...known.map((crumb) => ({
          key: crumb.path,
          label: crumb.name,
          href: browseHref(snapshotId, crumb.path),
        })),
      ]}
    />
  );
}

function crumbsOfEncoded(path: EncodedPath): readonly PathCrumb[] {
  return path
    .split("/")
    .filter((part) => part !== "")
    .map((name, index, parts) => ({ name, path: parts.slice(0, index + 1).join("/") }));
}
