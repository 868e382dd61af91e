/** The package comes without types; `fuse-native.ts` says what it is. */
declare module "fuse-native" {
  const Fuse: unknown;
  export default Fuse;
}
