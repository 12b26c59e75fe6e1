import manifest from "../deno.json" with { type: "json" };

/** The program's name, as clients see it. */
export const NAME: string = manifest.name;

/** The program's version. */
export const VERSION: string = manifest.version;

/** A build of a commit puts it in the place of `none`, in the bundle's text. */
export const NO_COMMIT = "commit: none";

const commit = NO_COMMIT.slice("commit: ".length);

/** Version and, in a build of a commit, that. */
export const BUILD: string = commit === "none" ? VERSION : `${VERSION} (${commit})`;
