// One JSON line in, {"encoding": "o200k_base", "texts": ["…"]}; one out, how many tokens each text has.
// Special tokens are counted as the text that they are in a message.
import { createInterface } from "node:readline";
import { countTokens as cl100k_base } from "gpt-tokenizer/encoding/cl100k_base";
import { countTokens as o200k_base } from "gpt-tokenizer/encoding/o200k_base";

const encodings = { cl100k_base, o200k_base };
const asText = { allowedSpecial: new Set(), disallowedSpecial: new Set() };

for await (const line of createInterface({ input: process.stdin })) {
  const { encoding, texts } = JSON.parse(line);
  console.log(JSON.stringify(texts.map((text) => encodings[encoding](text, asText))));
}
