import type { CSSProperties, ReactElement } from "react";
import {
  Body,
  Button,
  Container,
  Head,
  Heading,
  Hr,
  Html,
  Link,
  Preview,
  Section,
  Text,
} from "react-email";
import { clip } from "../../notice-data.js";
import type { EmailContent, EmailPart, EmailTable, Tone } from "./content.js";
import { sentBy, unsubscribeLabel } from "./layout-words.js";

/** Less than where the library cuts, which may be in the middle of a character. */
const PREVIEW_CHARS_MAX = 180;

/** Thai faces first where a system has them; each falls back to what the reader's system reads best. */
const FONT =
  "'Sarabun','Noto Sans Thai','Leelawadee UI','Thonburi',-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

const TONE_COLOR: Readonly<Record<Tone, string>> = {
  good: "#15803d",
  attention: "#b45309",
  alarm: "#b91c1c",
};

/** Mail programs that know dark mode read this; the rest keep the inline colours. */
const STYLES = `
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (max-width: 600px) {
  .inside { padding: 28px 20px !important; }
  .label, .value { display: block !important; width: 100% !important; }
  .label { padding-right: 0 !important; padding-bottom: 0 !important; }
  .value { border-top: 0 !important; padding-top: 2px !important; }
}
@media (prefers-color-scheme: dark) {
  .page, .page > table > tbody > tr > td { background-color: #111318 !important; }
  .card {
    background-color: #1c1f26 !important;
    border-right-color: #31353f !important;
    border-bottom-color: #31353f !important;
    border-left-color: #31353f !important;
  }
  .strong { color: #f3f4f6 !important; }
  .plain { color: #d6d9df !important; }
  .quiet { color: #a3a9b5 !important; }
  .line { border-color: #31353f !important; }
  .good { color: #4ade80 !important; }
  .attention { color: #fbbf24 !important; }
  .alarm { color: #fca5a5 !important; }
}`;

const STRONG = "#111827";
const PLAIN = "#374151";
const QUIET = "#5b6472";
const LINE = "#e5e7eb";

/** The one look of all mails: a card, the platform's name, and a part for each language. */
export function EmailLayout(props: {
  content: EmailContent;
  platformName: string;
  unsubscribeUrl?: string | undefined;
}): ReactElement {
  const { content, platformName, unsubscribeUrl } = props;
  const [first] = content.parts;
  const preview = [first.highlight, ...first.paragraphs].filter((line) => line !== null).join(" ");
  return (
    <Html lang={first.language}>
      <Head>
        <title>{content.subject}</title>
        <meta name="color-scheme" content="light dark" />
        <meta name="supported-color-schemes" content="light dark" />
        <style>{STYLES}</style>
      </Head>
      <Preview useTitleTag={false}>{clip(preview, PREVIEW_CHARS_MAX)}</Preview>
      <Body
        lang={first.language}
        className="page"
        style={{ margin: 0, backgroundColor: "#f3f4f6", fontFamily: FONT }}
      >
        <Container style={{ maxWidth: "560px", padding: "32px 12px" }}>
          <Text className="strong" style={styles.platform}>
            {platformName}
          </Text>
          <Section
            className="card"
            tdClassName="inside"
            style={{ ...styles.card, borderTop: `4px solid ${TONE_COLOR[content.tone]}` }}
          >
            {content.parts.map((part, at) => (
              <Part key={part.language} part={part} tone={content.tone} isFirst={at === 0} />
            ))}
          </Section>
          {content.parts.map(({ language }) => (
            <Text key={language} lang={language} className="quiet" style={styles.footer}>
              {sentBy(language, platformName)}
              {unsubscribeUrl === undefined ? null : (
                <>
                  <br />
                  <Link href={unsubscribeUrl} className="quiet" style={styles.footerLink}>
                    {unsubscribeLabel(language)}
                  </Link>
                </>
              )}
            </Text>
          ))}
        </Container>
      </Body>
    </Html>
  );
}

function Part(props: { part: EmailPart; tone: Tone; isFirst: boolean }): ReactElement {
  const { part, tone, isFirst } = props;
  return (
    <div lang={part.language}>
      {isFirst ? null : <Hr className="line" style={styles.between} />}
      <Heading
        as={isFirst ? "h1" : "h2"}
        className={tone}
        style={{ ...styles.title, fontSize: isFirst ? "22px" : "18px", color: TONE_COLOR[tone] }}
      >
        {part.title}
      </Heading>
      {part.highlight === null || !isFirst ? null : (
        <Text className="strong" style={styles.highlight}>
          {part.highlight}
        </Text>
      )}
      {part.paragraphs.map((paragraph) => (
        <Text key={paragraph} className="plain" style={styles.paragraph}>
          {paragraph}
        </Text>
      ))}
      <Rows part={part} />
      {part.tables.map((table) => (
        <Listing key={table.title} table={table} />
      ))}
      {part.action === null ? null : (
        <Button href={part.action.url} style={styles.button}>
          {part.action.label}
        </Button>
      )}
      {part.links.map(({ label, url }) => (
        <Text key={url} style={styles.link}>
          <Link href={url} className="plain" style={styles.linkText}>
            {label}
          </Link>
        </Text>
      ))}
      <Text className="quiet" style={styles.closing}>
        {part.closing}
      </Text>
    </div>
  );
}

/** A table of facts: each label is its row's heading, for those who hear the mail read. */
function Rows({ part }: { part: EmailPart }): ReactElement | null {
  if (part.rows.length === 0) return null;
  return (
    <table width="100%" cellPadding={0} cellSpacing={0} style={styles.table}>
      <tbody>
        {part.rows.map(({ label, value }) => (
          <tr key={label}>
            <th
              scope="row"
              className="label quiet line"
              style={{ ...styles.cell, ...styles.label }}
            >
              {label}
            </th>
            <td className="value strong line" style={{ ...styles.cell, ...styles.value }}>
              <Value text={value} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A list under a title, for those who hear it read with its columns named. */
function Listing({ table }: { table: EmailTable }): ReactElement {
  const { title, head, rows } = table;
  return (
    <>
      <Heading as="h3" className="strong" style={styles.listTitle}>
        {title}
      </Heading>
      {rows.length === 0 ? null : (
        <table width="100%" cellPadding={0} cellSpacing={0} style={styles.list}>
          {head.length === 0 ? null : (
            <thead>
              <tr>
                {head.map((name) => (
                  <th key={name} scope="col" className="quiet line" style={styles.listHead}>
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {rows.map((cells) => (
              <tr key={cells.join("|")}>
                {cells.map((cell, at) => (
                  <td
                    // biome-ignore lint/suspicious/noArrayIndexKey: a cell is known by its column
                    key={at}
                    className="strong line"
                    style={{ ...styles.listCell, ...columnOf(at, cells.length) }}
                  >
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** The same widths in every list, so that columns stand under each other. */
function columnOf(at: number, cells: number): CSSProperties {
  if (at === 0) return styles.listFirst;
  return at === 1 && cells > 2 ? styles.listMiddle : {};
}

/** A time's zone, at the end of a value. */
const ZONE = /^(.+ )(\([^()]+\))$/su;

/** The zone is broken over two lines only where it has no room on one. */
function Value({ text }: { text: string }): ReactElement {
  const [, before, zone] = ZONE.exec(text) ?? [];
  if (zone === undefined) return <>{text}</>;
  return (
    <>
      {before}
      <span style={styles.zone}>{zone}</span>
    </>
  );
}

const styles = {
  platform: {
    margin: "0 0 16px",
    fontSize: "15px",
    fontWeight: 600,
    color: STRONG,
    textAlign: "center",
    overflowWrap: "anywhere",
  },
  card: {
    padding: "36px 40px",
    backgroundColor: "#ffffff",
    border: `1px solid ${LINE}`,
    borderRadius: "8px",
  },
  title: { margin: "0 0 8px", lineHeight: "1.4", fontWeight: 700, overflowWrap: "anywhere" },
  highlight: {
    margin: "4px 0 16px",
    fontSize: "34px",
    lineHeight: "1.3",
    fontWeight: 700,
    color: STRONG,
    overflowWrap: "anywhere",
  },
  paragraph: {
    margin: "0 0 10px",
    fontSize: "16px",
    lineHeight: "1.65",
    color: PLAIN,
    overflowWrap: "anywhere",
  },
  table: { margin: "18px 0", borderCollapse: "collapse" },
  cell: {
    padding: "10px 0",
    fontSize: "15px",
    lineHeight: "1.55",
    verticalAlign: "top",
    borderTop: `1px solid ${LINE}`,
  },
  label: { width: "36%", paddingRight: "16px", color: QUIET, fontWeight: 400, textAlign: "left" },
  value: { color: STRONG, textAlign: "left", overflowWrap: "anywhere" },
  zone: { display: "inline-block" },
  button: {
    display: "inline-block",
    margin: "4px 0 14px",
    padding: "12px 22px",
    borderRadius: "6px",
    backgroundColor: "#1d4ed8",
    color: "#ffffff",
    fontSize: "16px",
    fontWeight: 600,
    textDecoration: "none",
  },
  link: { margin: "0 0 10px", fontSize: "15px", lineHeight: "1.5" },
  linkText: { color: PLAIN, textDecoration: "underline" },
  listTitle: {
    margin: "22px 0 6px",
    fontSize: "16px",
    lineHeight: "1.4",
    fontWeight: 700,
    color: STRONG,
    overflowWrap: "anywhere",
  },
  list: { margin: "0 0 18px", borderCollapse: "collapse" },
  listHead: {
    padding: "6px 12px 6px 0",
    fontSize: "13px",
    fontWeight: 400,
    color: QUIET,
    textAlign: "left",
    verticalAlign: "bottom",
  },
  listCell: {
    padding: "8px 12px 8px 0",
    fontSize: "14px",
    lineHeight: "1.5",
    color: STRONG,
    textAlign: "left",
    verticalAlign: "top",
    borderTop: `1px solid ${LINE}`,
    overflowWrap: "anywhere",
  },
  listFirst: { width: "50%" },
  listMiddle: { width: "28%" },
  closing: { margin: "0", fontSize: "14px", lineHeight: "1.6", color: QUIET },
  between: { margin: "32px 0", borderColor: LINE },
  footer: {
    margin: "14px 0 0",
    fontSize: "13px",
    lineHeight: "1.5",
    color: QUIET,
    textAlign: "center",
  },
  footerLink: { color: QUIET, textDecoration: "underline" },
} as const satisfies Record<string, CSSProperties>;
