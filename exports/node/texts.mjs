// Texts as the model's input: rows of token ids, from a tokenizer.json of byte-level BPE.
import { Tokenizer } from "@huggingface/tokenizers";

// How byte-level BPE splits a text (GPT-2). JavaScript's own \s lacks U+0085; as a Split the pattern is read as in tokenizers.
const WORDS = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * Rows [start] body [end], then pads, as mmzoo.Tokenizer makes them.
 * Throws for other kinds than byte-level BPE without normalization: in JavaScript some texts get other ids with them.
 */
export class TokenRows {
  constructor(definition) {
    const { model, normalizer, pre_tokenizer: split, added_tokens: added } = definition;
    if (model.type !== "BPE" || normalizer || split?.type !== "ByteLevel" || split.add_prefix_space || !split.use_regex) {
      throw new Error(`tokenizer.json must be plain byte-level BPE for texts, received ${model.type}: give token ids to run`);
    }
    [this.before, this.after] = frame(definition.post_processor);
    const special = added.filter((token) => token.special);
    const pads = special.filter((token) => token.content.toLowerCase().replace(/[^a-z]/g, "") === "pad");
    this.pad = definition.padding?.pad_id ?? pads.at(-1)?.id ?? this.after.at(-1);
    this.reserved = new Set([...special.map((token) => token.id), ...this.before, ...this.after]);
    const tokens = [...Object.keys(model.vocab), ...added.map((token) => token.content)];
    this.longest = tokens.reduce((most, token) => Math.max(most, [...token].length), 1);
    const pattern = { type: "Split", pattern: { Regex: WORDS }, behavior: "Isolated", invert: false };
    const pretokenizers = [pattern, { ...split, use_regex: false }];
    // Without added tokens, a special token that is spelled out in a text stays text.
    const plain = { ...definition, added_tokens: [], pre_tokenizer: { type: "Sequence", pretokenizers } };
    this.tokenizer = new Tokenizer(plain, {});
  }

  /** One text -> an array of length token ids. A body that is too long loses its tail and keeps the end token. */
  row(text, length) {
    const cut = [...text.slice(0, 2 * length * this.longest)].slice(0, length * this.longest).join("");
    const valid = cut.toWellFormed().replaceAll("\0", "\ufffd");
    const { ids } = this.tokenizer.encode(valid, { add_special_tokens: false });
    const body = ids.filter((id) => !this.reserved.has(id)).slice(0, length - this.before.length - this.after.length);
    const row = [...this.before, ...body, ...this.after];
    return [...row, ...Array(length - row.length).fill(this.pad)];
  }
}

/** The ids that a post-processor puts before and after a text. */
function frame(step) {
  if (step?.type === "RobertaProcessing" || step?.type === "BertProcessing") return [[step.cls[1]], [step.sep[1]]];
  if (step?.type === "Sequence") return step.processors.map(frame).find((sides) => sides.flat().length) ?? [[], []];
  if (step?.type !== "TemplateProcessing") return [[], []];
  const middle = step.single.findIndex((piece) => piece.Sequence);
  const ids = (pieces) => pieces.flatMap((piece) => step.special_tokens[piece.SpecialToken.id].ids);
  return [ids(step.single.slice(0, middle)), ids(step.single.slice(middle + 1))];
}
