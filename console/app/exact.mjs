// JSON without JavaScript's numbers: each number is read as the text that stands there.
// JSON.parse alone would make 999999999999999999.99999999 a 1e18, and 100.50 a 100.5.

const TOKENS = /"(?:[^"\\]+|\\.)*"|-?\d[\d.eE+-]*/gs;

/** The value of a JSON text, with every number as text. SyntaxError where it is none. */
export function parse(text) {
  return JSON.parse(text.replace(TOKENS, (token) => (token.startsWith('"') ? token : `"${token}"`)));
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** A number's text in plain notation, as sign, whole digits and digits behind the point; null where it is none. */
export function digits(text) {
  const found = DECIMAL.exec(text);
  if (!found) return null;
  let [, sign, whole, fraction = "", exponent = "0"] = found;
  const shift = Number(exponent);
  if (shift > 0) {
    fraction = fraction.padEnd(shift, "0");
    whole += fraction.slice(0, shift);
    fraction = fraction.slice(shift);
  } else if (shift < 0) {
    whole = whole.padStart(1 - shift, "0");
    fraction = whole.slice(shift) + fraction;
    whole = whole.slice(0, shift);
  }
  return { sign, whole: whole.replace(/^0+(?=\d)/, ""), fraction };
}

const SCALE = 40;

function scaled({ sign, whole, fraction }) {
  return BigInt(sign + whole + fraction.padEnd(SCALE, "0"));
}

/** after - before, exactly, without zeros at its end; "" where one of them is no number. */
export function difference(before, after) {
  const [one, two] = [digits(before), digits(after)];
  if (!one || !two) return "";
  const value = scaled(two) - scaled(one);
  const text = String(value < 0n ? -value : value).padStart(SCALE + 1, "0");
  const fraction = text.slice(-SCALE).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${text.slice(0, -SCALE)}${fraction && "."}${fraction}`;
}

/** Whether a number's text is below, at or above zero: -1, 0 or 1. */
export function signOf(text) {
  const found = digits(text);
  if (!found || !/[1-9]/.test(found.whole + found.fraction)) return 0;
  return found.sign ? -1 : 1;
}
