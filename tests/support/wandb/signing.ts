/** URLs that carry their own permission, as object stores make them. */
import { createHmac } from "node:crypto";

/** Signs and checks URLs of the file store. */
export class SignedUrls {
  #secret = crypto.randomUUID();
  /** The API's address. */
  api = "";
  /** The file store's address; the API's own when files are served from there. */
  store = "";

  /** A URL for one method and one stored key. */
  sign(method: "GET" | "PUT", key: string): string {
    const path = `/storage/${key.split("/").map(encodeURIComponent).join("/")}`;
    return `${this.store}${path}?X-Sim-Expires=86400&X-Sim-Signature=${this.#mac(method, path)}`;
  }

  /** The key that a signed request is for; undefined when the signature is not right. */
  open(method: string, url: URL): string | undefined {
    const signature = url.searchParams.get("X-Sim-Signature");
    if (signature !== this.#mac(method, url.pathname)) return undefined;
    return url.pathname.slice("/storage/".length).split("/").map(decodeURIComponent).join("/");
  }

  #mac(method: string, path: string): string {
    return createHmac("sha256", this.#secret).update(`${method} ${path}`).digest("hex");
  }
}
