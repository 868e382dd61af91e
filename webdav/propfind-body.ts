/**
 * What a PROPFIND request asks for: a tiny reader for the little XML it needs. No DTD, so no
 * entities of their own making; bounded in size, depth and number of properties.
 */
import type { IncomingMessage } from "node:http";
import { type Bytes, concatBytes, findUtf8 } from "../engine/base/bytes.ts";

/** Bytes of a request body; what clients send is below 2 KiB. */
const BODY_BYTES_MAX = 64 * 1024;
const DEPTH_MAX = 16;
const PROPERTIES_MAX = 256;

export interface PropertyName {
  readonly namespace: string;
  readonly name: string;
}

export type PropfindQuery =
  /** What every entry has, and `include` beside it. */
  | { readonly kind: "all"; readonly include: readonly PropertyName[] }
  | { readonly kind: "names" }
  | { readonly kind: "some"; readonly properties: readonly PropertyName[] };

/** The body of a request, or "too-large" when it has more than 64 KiB. */
export async function readSmallBody(request: IncomingMessage): Promise<Bytes | "too-large"> {
  if (Number(request.headers["content-length"] ?? 0) > BODY_BYTES_MAX) return "too-large";
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early must not break the connection: the refusal goes over it.
  const body: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false });
  for await (const part of body) {
    length += part.length;
    if (length > BODY_BYTES_MAX) return "too-large";
    parts.push(part);
  }
  return concatBytes(parts);
}

/** `undefined` for what is not well-formed, has a DTD, or is no propfind element. */
export function parsePropfind(body: Bytes): PropfindQuery | undefined {
  if (body.length === 0) return { kind: "all", include: [] };
  const text = findUtf8(body);
  const root = text === undefined ? undefined : parseXml(text);
  if (root === undefined || !isDav(root, "propfind")) return undefined;
  const prop = root.children.find((child) => isDav(child, "prop"));
  if (prop !== undefined) return { kind: "some", properties: prop.children };
  if (root.children.some((child) => isDav(child, "propname"))) return { kind: "names" };
  if (!root.children.some((child) => isDav(child, "allprop"))) return undefined;
  const include = root.children.find((child) => isDav(child, "include"))?.children ?? [];
  return { kind: "all", include };
}

interface XmlElement extends PropertyName {
  readonly children: XmlElement[];
}

function isDav(element: PropertyName, name: string): boolean {
  return element.namespace === "DAV:" && element.name === name;
}

type Namespaces = ReadonlyMap<string, string>;

interface Open {
  readonly element: XmlElement;
  readonly tag: string;
  readonly namespaces: Namespaces;
}

const NAME = "[A-Za-z_][\\w.-]*";
/** Comment, processing instruction, CDATA; end tag; start tag with its attributes. */
const MARKUP = new RegExp(
  "<!--(?:(?!--)[^])*-->|<\\?(?:(?!\\?>)[^])*\\?>|<!\\[CDATA\\[(?:(?!\\]\\]>)[^])*\\]\\]>" +
    `|</(?<end>(?:${NAME}:)?${NAME})\\s*>` +
    `|<(?<start>(?:${NAME}:)?${NAME})` +
    `(?<attributes>(?:\\s+(?:${NAME}:)?${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(?<empty>/?)>`,
  "y",
);

function parseXml(text: string): XmlElement | undefined {
  const open: Open[] = [];
  let root: XmlElement | undefined;
  let elements = 0;
  for (let at = 0; at < text.length;) {
    const next = text.indexOf("<", at);
    const between = text.slice(at, next < 0 ? text.length : next);
    // Text means nothing here, but outside of the one element there must be none.
    if (open.length === 0 && between.trim() !== "") return undefined;
    if (next < 0) break;
    MARKUP.lastIndex = next;
    const match = MARKUP.exec(text);
    // A DTD ends here as well: nothing above begins with `<!D`.
    if (match === null) return undefined;
    at = MARKUP.lastIndex;
    const groups: Readonly<Record<string, string | undefined>> = match.groups ?? {};
    const { start, end, attributes = "", empty } = groups;
    if (end !== undefined && open.pop()?.tag !== end) return undefined;
    if (start === undefined) continue;
    const parent = open.at(-1);
    if ((parent === undefined && root !== undefined) || ++elements > PROPERTIES_MAX) {
      return undefined;
    }
    const namespaces = declared(attributes, parent?.namespaces ?? new Map());
    const element = namespaces && elementOf(start, namespaces);
    if (namespaces === undefined || element === undefined) return undefined;
    parent?.element.children.push(element);
    root ??= element;
    if (empty !== "/") open.push({ element, tag: start, namespaces });
    if (open.length > DEPTH_MAX) return undefined;
  }
  return open.length === 0 ? root : undefined;
}

/** The namespaces inside an element; `undefined` for a prefix bound to nothing. */
function declared(attributes: string, outer: Namespaces): Namespaces | undefined {
  if (!attributes.includes("xmlns")) return outer;
  const namespaces = new Map(outer);
  for (const match of attributes.matchAll(
    /\sxmlns(?::([\w.-]+))?\s*=\s*(?:"([^"]*)"|'([^']*)')/g,
  )) {
    const [, prefix = "", double, single] = match;
    const uri = decodeEntities(double ?? single ?? "");
    if (uri === undefined || (prefix !== "" && uri === "")) return undefined;
    namespaces.set(prefix, uri);
  }
  return namespaces;
}

function elementOf(tag: string, namespaces: Namespaces): XmlElement | undefined {
  const colon = tag.indexOf(":");
  const prefix = colon < 0 ? "" : tag.slice(0, colon);
  const namespace = namespaces.get(prefix) ?? (prefix === "" ? "" : undefined);
  return namespace === undefined
    ? undefined
    : { namespace, name: tag.slice(colon + 1), children: [] };
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&apos;": "'",
};

function decodeEntities(text: string): string | undefined {
  const entities = text.match(/&[^;]*;?/g) ?? [];
  if (entities.some((entity) => ENTITIES[entity] === undefined)) return undefined;
  return text.replace(/&[a-z]+;/g, (entity) => ENTITIES[entity] ?? "");
}
