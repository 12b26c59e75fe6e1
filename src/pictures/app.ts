/** The page of `app/`, which `deno task docs` puts together. */
import page from "./app/chart.html" with { type: "text" };

export default page;
