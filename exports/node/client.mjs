// Runs a bundle's ONNX files with onnxruntime-node. Copy it together with pictures.mjs, texts.mjs and package.json.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { readPng, resize } from "./pictures.mjs";
import { TokenRows } from "./texts.mjs";

/**
 * A bundle in onnxruntime; any number of calls may be under way at once.
 * precision: "fp32", "fp16" or "int8", whichever the bundle has. threads: at most so many for one call.
 * Nothing is read from the bundle that its SHA256SUMS does not vouch for: a damaged file is an Error that names it.
 */
export class OnnxClient {
  static async open(directory, { precision = "fp32", threads } = {}) {
    const client = new OnnxClient();
    const [header, ...lines] = (await readFile(join(directory, "SHA256SUMS"), "utf8")).split("\n");
    const found = createHash("sha256").update(lines.join("\n")).digest("hex");
    if (!header.endsWith(`: ${found}`)) {
      throw new Error("SHA256SUMS must begin with the hash of its own lines, received a damaged one");
    }
    client.sums = new Map(lines.filter(Boolean).map((line) => [line.slice(66), line.slice(0, 64)]));
    Object.assign(client, { directory, precision, threads, opened: new Map() });
    client.manifest = await client.readJson("manifest.json");
    return client;
  }

  /** The path of a file of the bundle, after its SHA-256 has been found right. */
  async checked(name) {
    const path = join(this.directory, name);
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    const found = hash.digest("hex");
    if (found !== this.sums.get(name)) {
      throw new Error(`${name} must have the sha256 ${this.sums.get(name)} of SHA256SUMS, found ${found}`);
    }
    return path;
  }

  async readJson(name) {
    return JSON.parse(await readFile(await this.checked(name), "utf8"));
  }

  /** {input name: Tensor (N, ...)} -> {output name: Tensor (N, ...)}, as the manifest declares them. */
  async run(part, inputs) {
    const session = await this.once(`session of ${part}`, () => this.openSession(part));
    return session.run(inputs);
  }

  /** N PNG files, or pictures {data, width, height} of RGB bytes, of any size -> N embeddings, each a Float32Array. */
  async embedImages(pictures) {
    const preprocessing = await this.once("preprocessing", () => this.readJson("preprocessing.json"));
    const [height, width] = preprocessing.size;
    const images = new Uint8Array(pictures.length * height * width * 3);
    for (const [index, picture] of pictures.entries()) {
      const decoded = typeof picture === "string" ? readPng(await readFile(picture), picture) : picture;
      images.set(resize(decoded, preprocessing), index * height * width * 3);
    }
    return this.embed("image", new ort.Tensor("uint8", images, [pictures.length, height, width, 3]));
  }

  /** N texts -> N embeddings, each a Float32Array. */
  async embedTexts(texts) {
    const rows = await this.once("tokenizer", async () => new TokenRows(await this.readJson("tokenizer.json")));
    const length = this.manifest.parts.text.inputs[0].shape[1];
    const ids = Int32Array.from(texts.flatMap((text) => rows.row(text, length)));
    return this.embed("text", new ort.Tensor("int32", ids, [texts.length, length]));
  }

  async embed(part, tensor) {
    const count = tensor.dims[0];
    if (count === 0) return [];
    const { inputs, outputs } = this.manifest.parts[part];
    const { data } = (await this.run(part, { [inputs[0].name]: tensor }))[outputs[0].name];
    const size = data.length / count;
    return Array.from({ length: count }, (_, index) => data.slice(index * size, (index + 1) * size));
  }

  async openSession(part) {
    const present = this.manifest.artifacts.filter((artifact) => artifact.format === "onnx");
    const artifact = present.find((entry) => entry.part === part && entry.precision === this.precision);
    if (artifact === undefined) {
      const names = present.map((entry) => `${entry.part} in ${entry.precision}`).join(", ") || "none";
      throw new Error(`part must be one the bundle has as onnx (${names}), received ${part} in ${this.precision}`);
    }
    for (const name of artifact.files ?? []) await this.checked(name);
    const options = this.threads === undefined ? {} : { intraOpNumThreads: this.threads };
    return ort.InferenceSession.create(await this.checked(artifact.path), options);
  }

  /** Calls that come while something is being opened wait for the same one. */
  once(key, open) {
    if (!this.opened.has(key)) this.opened.set(key, open());
    return this.opened.get(key);
  }
}

export const cosine = (a, b) => {
  const dot = (x, y) => x.reduce((sum, value, index) => sum + value * y[index], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
};

if (process.argv[1] && (await realpath(process.argv[1])) === fileURLToPath(import.meta.url)) {
  const [bundle, picture, ...texts] = process.argv.slice(2);
  if (texts.length === 0) {
    console.error("usage: node client.mjs BUNDLE PICTURE.png TEXT...");
    process.exit(2);
  }
  const client = await OnnxClient.open(bundle);
  const [image] = await client.embedImages([picture]);
  for (const [index, row] of (await client.embedTexts(texts)).entries()) {
    console.log(`${cosine(image, row) < 0 ? "" : "+"}${cosine(image, row).toFixed(4)}  ${texts[index]}`);
  }
}
