/** The page from `app/`, built by `deno task docs`. */
import page from "./app/chart.html" with { type: "text" };

export default page;
