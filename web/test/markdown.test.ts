import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ATTRIBUTES, ELEMENTS, LINKS, toHtml } from "../src/chat/markdown.ts";
import { isMarked } from "../src/chat/message-text.ts";
import { offers } from "../src/chat/name-choice.ts";

const ANA = "a".repeat(32);
const BEN = "b".repeat(32);
const LONGEST = 8_000;
const reader = { own: ANA, nameOf: ({ name }: { name: string }) => `${name}, of late` };

const shown = (text: string, line = false) => toHtml(text, reader, line);
const hosts = (text: string) =>
  [...(shown(text) ?? "").matchAll(/class="host"> \((.*?)\)</g)].map(([, host]) => host);
const addresses = (text: string) => [...(shown(text) ?? "").matchAll(/href="(.*?)"/g)].map(([, to]) => to);

describe("Markdown of the subset", () => {
  test.each([
    ["**b** _e_ ~~s~~ `c`", "<p><strong>b</strong> <em>e</em> <s>s</s> <code>c</code></p>"],
    ["one\ntwo", "<p>one<br>\ntwo</p>"],
    ["# Not a giant", "<p><strong>Not a giant</strong></p>"],
    ["5. five", '<ol start="5">\n<li>five</li>\n</ol>'],
    ["> said", "<blockquote>\n<p>said</p>\n</blockquote>"],
    ["    indented", "<p>indented</p>"],
    ["|a|b|\n|-|-|", "<p>|a|b|<br>\n|-|-|</p>"],
    ["under\n---", "<p>under<br>\n---</p>"],
  ])("%j is %j", (text, html) => {
    expect(shown(text)).toBe(html);
  });

  test("a code block shows what is in it and nothing else", () => {
    expect(shown(`\`\`\`js"onclick=x\na<b @[Ana](${ANA}) **c**\n`)).toBe(
      `<div class="code"><pre tabindex="0"><code>a&lt;b @[Ana](${ANA}) **c**\n</code></pre><button type="button" class="copy">Copy</button></div>`,
    );
  });

  test("what somebody does is one line", () => {
    expect(shown("waves **twice**\n# no", true)).toBe("waves <strong>twice</strong><br>\n# no");
  });

  test("a definition of a reference does not vanish", () => {
    expect(shown("[a]: /b")).toBe("<p>[a]: /b</p>");
  });
});

describe("mentions in Markdown", () => {
  test("are shown within emphasis and never as links", () => {
    expect(shown(`**hi @[Ben](${BEN})**`)).toBe(
      '<p><strong>hi <span class="mention hue-11">@Ben, of late</span></strong></p>',
    );
    expect(shown(`@[Ana](${ANA})`)).toContain('<span class="mention hue-10 own">@Ana, of late</span>');
  });

  test("are left alone in code", () => {
    expect(shown(`\`@[Ben](${BEN})\``)).toBe(`<p><code>@[Ben](${BEN})</code></p>`);
  });

  test("whose name has marks is no markup", () => {
    expect(shown(`@[<b>*x*](${BEN})`)).toContain("@&lt;b&gt;*x*, of late</span>");
  });

  test("within an address leave the address whole", () => {
    expect(addresses(`https://example.org/@[Ben](${BEN})/1`)).toEqual(["https://example.org/@Ben/1"]);
  });
});

describe("links", () => {
  test("open apart and tell nobody where they were", () => {
    expect(shown("https://example.org/a?b=1&c")).toBe(
      '<p><a href="https://example.org/a?b=1&amp;c" target="_blank" rel="noopener noreferrer nofollow ugc">https://example.org/a?b=1&amp;c</a></p>',
    );
  });

  test.each([
    ["https://example.org", []],
    ["<https://example.org/>", []],
    ["[bank](https://evil.example/x)", ["evil.example"]],
    ["[https://bank.example/](https://evil.example/)", ["evil.example"]],
    ["[](https://evil.example)", ["evil.example"]],
    ["[a `b`](https://evil.example)", ["evil.example"]],
    ["<https://bank.example@evil.example/>", ["evil.example"]],
    ["https://\u0430pple.example/", ["xn--pple-43d.example"]],
    ["https://evil.example/\u202eelpmaxe.knab", ["evil.example"]],
    ["[write](mailto:a@example.org)", ["a@example.org"]],
  ])("%j says that it leads to %j", (text, to) => {
    expect(hosts(text)).toEqual(to);
  });

  test.each([
    "[x](javascript:alert(1))",
    "[x](JaVa\tScRiPt:alert(1))",
    "[x](java&#115;cript:alert(1))",
    "<javascript:alert(1)>",
    "[x](data:text/html,y)",
    "[x](vbscript:y)",
    "[x](/chat/room)",
    "[x](//evil.example)",
    "ftp://evil.example",
    "example.org",
  ])("%j leads nowhere", (text) => {
    expect(addresses(text)).toEqual([]);
  });

  test("a picture is not loaded, for that would tell a stranger who reads", () => {
    expect(shown("![x](https://evil.example/x.png)")).not.toContain("<img");
  });
});

describe("what comes from somebody who means harm", () => {
  test.each([
    "<img src=x onerror=alert(1)>",
    "<script>x</script>",
    '<a href="javascript:x">y</a>',
    "&#x202e;",
  ])("%s is text", (text) => {
    expect(shown(text)).toBe(
      `<p>${text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;")}</p>`,
    );
  });

  test.each(["> ", "- ", "> - ", "1. "])("%j within each other 30 times hide no text", (mark) => {
    expect(shown(`${mark.repeat(30)}said`)).toBeNull();
    expect(shown(`${mark.repeat(5)}said`)).toContain("said");
  });

  test("a text that is too long is shown as it was written", () => {
    expect(shown("*".repeat(LONGEST + 1))).toBeNull();
  });

  // What matters is that each of these ends: what is made of it grows with its length and no faster.
  test.each([
    "[",
    "*",
    "_",
    "`",
    "![",
    "<",
    "> ",
    "-\n",
    "[a](",
    "https://",
    "**x* ",
    "**a _b ",
    "mailto:",
    "@[",
  ])("%j as often as it fits", (mark) => {
    const text = mark.repeat(LONGEST / mark.length);
    expect((shown(text) ?? "").length).toBeLessThan(30 * LONGEST);
  });

  test("only elements and attributes of the list are made, whatever is written", () => {
    const words = fc.constantFrom(
      ..."* ** _ ~~ ` ``` > - 1. # [ ] ( ) ! < > \" ' & \\ = : / @ | a b".split(" "),
      ...[
        "\n",
        " ",
        "javascript:",
        "https://a.example",
        "mailto:a@b",
        "<img onerror=x>",
        `@[<i>](${BEN})`,
        "\u202e",
      ],
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), fc.boolean(), (all, line) => {
        const html = shown(all.join(""), line) ?? "";
        for (const [tag, name, attributes] of html.matchAll(/<\/?([a-z]*)([^>]*)>/g)) {
          expect(ELEMENTS, tag).toContain(name);
          for (const [, attribute, value] of (attributes ?? "").matchAll(/ ([^\s=]+)="([^"]*)"/g)) {
            expect(ATTRIBUTES, tag).toContain(attribute);
            if (attribute === "href") expect(value).toMatch(LINKS);
          }
          expect((attributes ?? "").replaceAll(/ [a-z]+="[^"<]*"/g, "")).toBe("");
        }
      }),
      { numRuns: 300, seed: 1 },
    );
  });
});

test.each([
  ["hello, you two!", false],
  [`@[Ana](${ANA}) hello`, false],
  ["2.5 is more", false],
  ["a *b*", true],
  ["1. a", true],
  ["see https://example.org", true],
  ["x\n- y", true],
])("%j has marks: %s", (text, marked) => {
  expect(isMarked(text)).toBe(marked);
});

test("somebody without a name is offered as the messages call them, and written by id", () => {
  expect(
    offers(
      new Map([
        [ANA, "Ana"],
        [BEN, " "],
      ]),
    ),
  ).toEqual([
    { peer: ANA, handle: "Ana", shown: "Ana" },
    { peer: BEN, handle: "bbbbbbbb", shown: "Guest bbbb" },
  ]);
});
