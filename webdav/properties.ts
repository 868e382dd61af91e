/** The properties of files and directories (RFC 4918, section 15; RFC 4331 for quota). */
import type { FsDirectory, FsFile, ReadonlyFs } from "../engine/read/readonly-fs.ts";
import { contentTypeOf } from "./content-type.ts";
import { httpDate, isoDate } from "./http-date.ts";
import type { PropertyName, PropfindQuery } from "./propfind-body.ts";
import { etagOf } from "./serve-file.ts";
import { escapeXml } from "./xml.ts";

type Shown = FsFile | FsDirectory;

interface Property extends PropertyName {
  /** Among what "all" means; the others must be asked for by name. */
  readonly inAll: boolean;
  /** Its element; `undefined` when this kind of entry does not have it. */
  readonly render: (entry: Shown, name: string, fs: ReadonlyFs) => string | undefined;
}

const DAV = "DAV:";
/** mod_dav's: davfs2 and cadaver ask for it, and set the mode of a file by it. */
const APACHE = "http://apache.org/dav/props/";

const PROPERTIES: readonly Property[] = [
  dav("resourcetype", ({ type }) =>
    type === "directory" ? "<D:resourcetype><D:collection/></D:resourcetype>" : "<D:resourcetype/>",
  ),
  dav("displayname", (_entry, name) => `<D:displayname>${escapeXml(name)}</D:displayname>`),
  dav("getcontentlength", (entry) =>
    entry.type === "file"
      ? `<D:getcontentlength>${entry.attributes.sizeBytes}</D:getcontentlength>`
      : undefined,
  ),
  dav(
    "getlastmodified",
    ({ attributes }) => `<D:getlastmodified>${httpDate(attributes.mtimeNs)}</D:getlastmodified>`,
  ),
  // Nothing tells when a file was made; its last change is the best that is true.
  dav(
    "creationdate",
    ({ attributes }) => `<D:creationdate>${isoDate(attributes.mtimeNs)}</D:creationdate>`,
  ),
  dav("getetag", (entry) =>
    entry.type === "file" ? `<D:getetag>${escapeXml(etagOf(entry))}</D:getetag>` : undefined,
  ),
  dav("getcontenttype", (entry, name) =>
    entry.type === "file"
      ? `<D:getcontenttype>${contentTypeOf(name)}</D:getcontenttype>`
      : undefined,
  ),
  // Windows reads a folder whose answer is below a megabyte: what it does not need is not in "all".
  onDemand(DAV, "iscollection", ({ type }) =>
    type === "directory"
      ? "<D:iscollection>1</D:iscollection>"
      : "<D:iscollection>0</D:iscollection>",
  ),
  onDemand(DAV, "ishidden", (_entry, name) =>
    name.startsWith(".") ? "<D:ishidden>1</D:ishidden>" : "<D:ishidden>0</D:ishidden>",
  ),
  onDemand(DAV, "supportedlock", () => "<D:supportedlock/>"),
  onDemand(DAV, "lockdiscovery", () => "<D:lockdiscovery/>"),
  onDemand(DAV, "quota-used-bytes", (entry, _name, { totals }) =>
    entry.type === "directory"
      ? `<D:quota-used-bytes>${totals.bytes}</D:quota-used-bytes>`
      : undefined,
  ),
  onDemand(DAV, "quota-available-bytes", ({ type }) =>
    type === "directory" ? "<D:quota-available-bytes>0</D:quota-available-bytes>" : undefined,
  ),
  onDemand(APACHE, "executable", (entry) =>
    entry.type === "file"
      ? `<executable xmlns="${APACHE}">${(entry.attributes.mode & 0o100) === 0 ? "F" : "T"}</executable>`
      : undefined,
  ),
];

/**
 * How each entry of an answer is written: the propstat elements of one. What does not depend on the
 * entry is made once.
 */
export function propstatWriter(
  query: PropfindQuery,
  fs: ReadonlyFs,
): (entry: Shown, name: string) => string {
  if (query.kind === "names") return namesWriter(fs);
  const isAll = query.kind === "all";
  const named = isAll ? query.include : query.properties;
  const known = PROPERTIES.filter(
    (property) => (isAll && property.inAll) || named.some(isSame(property)),
  );
  const unknown = named
    .filter((wanted) => !PROPERTIES.some(isSame(wanted)))
    .map(emptyElement)
    .join("");
  return (entry, name) => {
    let found = "";
    let missing = unknown;
    for (const property of known) {
      const element = property.render(entry, name, fs);
      if (element !== undefined) found += element;
      else if (!isAll) missing += emptyElement(property);
    }
    const good =
      found === "" && missing !== ""
        ? ""
        : `<D:propstat><D:prop>${found}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`;
    if (missing === "") return good;
    return `${good}<D:propstat><D:prop>${missing}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>`;
  };
}

function namesWriter(fs: ReadonlyFs): (entry: Shown, name: string) => string {
  return (entry, name) => {
    const has = PROPERTIES.filter(({ render }) => render(entry, name, fs) !== undefined);
    return `<D:propstat><D:prop>${has.map(emptyElement).join("")}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>`;
  };
}

function isSame(wanted: PropertyName): (property: PropertyName) => boolean {
  return ({ namespace, name }) => namespace === wanted.namespace && name === wanted.name;
}

function emptyElement({ namespace, name }: PropertyName): string {
  return namespace === DAV ? `<D:${name}/>` : `<${name} xmlns="${escapeXml(namespace)}"/>`;
}

function dav(name: string, render: Property["render"]): Property {
  return { namespace: DAV, name, inAll: true, render };
}

function onDemand(namespace: string, name: string, render: Property["render"]): Property {
  return { namespace, name, inAll: false, render };
}
