export { type ProjectRef as Place, resolveProject as placeOf } from "../project.ts";
