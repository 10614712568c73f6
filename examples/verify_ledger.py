#!/usr/bin/env python3
"""A second verifier of retrocall's ledger, from docs/ledger.md alone: verify_ledger.py DIR [HEAD-THAT-LAY-ELSEWHERE]. Standard library only."""
import base64, collections, datetime, functools, hashlib, hmac, json, math, pathlib, re, sys

def sha(*parts): return hashlib.sha256(b"".join(parts)).digest()
def mac(key, text): return hmac.new(key, text, hashlib.sha256).digest()
def root(peaks): return functools.reduce(lambda right, left: sha(b"\1", left, right), reversed(peaks))

# Ed25519 (RFC 8032), verification alone.
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, I = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)
def add(p, q):
    (a, b), (c, d) = p, q
    t = D * a * b * c * d % P
    return (a * d + b * c) * pow(1 + t, -1, P) % P, (b * d + a * c) * pow(1 - t, -1, P) % P
def times(n, p): return (0, 1) if n == 0 else add(times(n - 1, p), p) if n & 1 else times(n >> 1, add(p, p))
def point(data):
    y, sign = int.from_bytes(data, "little") % 2**255, data[31] >> 7
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    x = x if x * x % P == square else x * I % P
    if x * x % P != square or y >= P or (x == 0 and sign): raise ValueError("no point")
    return (x if x & 1 == sign else P - x), y
BASE = point(bytes([88]) + bytes([102]) * 31)
def is_signed(public, text, signature):
    s = int.from_bytes(signature[32:], "little")
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + text).digest(), "little") % L
    return s < L and times(s, BASE) == add(point(signature[:32]), times(k, point(public)))

def open_head(note, name, key_id, public):
    """A signed note (C2SP) that is a head: segment, size, root, day, promises. ValueError if it is none, or not signed by this key."""
    text, signatures = note[:note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2:]
    found = [base64.b64decode(data) for who, data in re.findall("^— (\\S+) (\\S+)$", signatures, re.M) if who == name]
    found = [data[4:] for data in found if data[:4] == key_id]
    origin, size, of_rows, day, *promises = text[:-1].split("\n")
    if not found or not all(is_signed(public, text.encode(), data) for data in found) or not origin.startswith(name + "/"):
        raise ValueError("not signed by the site, or no head")
    return origin[len(name) + 1:], int(size), base64.b64decode(of_rows), day[4:], [line.split(" ")[1:] for line in promises]

def read_row(line):
    """A row in its one form (RFC 8785, without fractions); None for anything else."""
    try:
        row = json.loads(line, parse_float=int)
        same = json.dumps(row, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == line
        return row if same and row["v"] == 1 and len(bytes.fromhex(row["prev"])) == 32 and row["row"] >= 0 else None
    except (ValueError, KeyError, TypeError): return None

def ln_choose(n, k): return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
def fisher(both, marked, drawn, total):  # How likely it is that so many or more of the drawn calls are marked.
    ways = lambda k: math.exp(ln_choose(marked, k) + ln_choose(total - marked, drawn - k) - ln_choose(total, drawn))
    return 1.0 if both * total <= marked * drawn else sum(map(ways, range(both, min(marked, drawn) + 1)))
def binomial(k, n, p):  # How likely it is that so many of n are drawn, or a number as far off: twice the smaller side.
    chance = lambda k: math.exp(ln_choose(n, k) + k * math.log(p) + (n - k) * math.log1p(-p))
    return min(1.0, 2 * sum(map(chance, range(k, n + 1) if k > n * p else range(k + 1))))

class Verifier:
    def __init__(self, folder, later=None):
        self.found, self.folder, self.heads, self.later = set(), pathlib.Path(folder), [], None
        name, key_id, key = (self.folder / "site.pub").read_text().strip().split("+", 2)
        self.site, (key_id, public) = name.split("/")[1], (bytes.fromhex(key_id), base64.b64decode(key)[1:])
        for path in ([pathlib.Path(later)] if later else []) + sorted((self.folder / "heads").glob("*.txt")):
            try: self.heads.append(open_head(path.read_text(encoding="utf-8"), name, key_id, public))
            except (ValueError, IndexError): self.found.add(f"finding head-unreadable {path.stem}")
        self.later = self.heads[0] if later and self.heads else None
        self.promises, self.promised_at, self.numbers, self.number_at, self.last_period, self.partial = {}, {}, {}, {}, None, False
        for *_, day, promises in self.heads:
            if any([self.promises.setdefault(of, seed) != seed for of, seed in promises]): self.found.add(f"finding seed-not-promised {day}")
        self.periods, self.months, self.before, self.counts, self.early = {}, {}, [], {}, {}
        self.live, self.sampled, self.reasons, self.recordings, self.waiting, self.published = {}, {}, {}, {}, set(), set()

    def find(self, word, segment, row):
        out_of_place = {f"finding {word} {segment} {row}" for word in ("foreign", "inserted", "swapped", "unreadable")}
        if word != "changed" or not out_of_place & self.found:
            self.found.add(f"finding {word} {segment} {row}")

    def segment(self, name, lines):
        """Order, hashes and root of a segment, and what each row that counts says. docs/ledger.md has it in words: "What happened to a row"."""
        at, tip, early, missing, strays, suspect, broken, signed, peaks, heads = 0, None, None, set(), {}, None, set(), 0, [], {}
        for head in self.heads: heads.setdefault(head[1] if head[0] == name else None, []).append(head)
        def find(word, row): broken.add(row); self.find(word, name, row)
        def settle(number):
            nonlocal at, tip, early
            (first, digest), early = early or (None, None), None
            if first is None: return
            if number == at: strays[first] = digest
            elif number == at + 1 and first > at + 1: missing.add(at); strays[first] = digest; at, tip = at + 1, None
            else: missing.update(range(at, first)); at, tip = first + 1, digest
        for count, line in enumerate(lines, 1):
            digest, row, counts, judged = sha(b"\0", line.encode()), read_row(line), True, False
            if row is None: settle(None); find("unreadable", at); at, tip, counts = at + 1, None, False
            else:
                number, prev = row["row"], bytes.fromhex(row["prev"])
                if (row["site"], row["segment"]) != (self.site, name): find("foreign", number)
                settle(number)
                while at in strays:
                    stray = strays.pop(at)
                    if number == at: find("inserted", number); break
                    find("swapped", at); at, tip = at + 1, stray
                follows, (bad, expected), suspect = tip in (None, prev), suspect or (None, None), None
                if bad is not None and number + 1 == at and prev == expected: find("inserted", number); tip, judged = digest, True
                elif bad is not None and number == at and not follows: find("changed", bad); at, tip, judged = at + 1, digest, True
                elif bad is not None: find("changed", bad - 1)
                if not judged and number == at: suspect, at, tip = (None if follows else (number, tip)), number + 1, digest
                elif not judged and number > at: early = number, digest
                elif not judged: counts = number in missing; missing.discard(number); find("swapped" if counts else "inserted", number)
            node, size = digest, count - 1
            while size & 1: node, size = sha(b"\1", peaks.pop(), node), size >> 1
            peaks.append(node)
            for head in heads.get(count, []):
                if head[2] == root(peaks): signed = count
                elif not broken: self.find("not-as-signed", name, signed)
            if counts: self.event(row, (name, row["row"]))
        settle(None)
        if suspect: find("changed", suspect[0] - 1)
        for stray in strays: find("swapped", stray)
        for row in missing - {row + 1 for row in missing}: find("removed", row)
        if any(size and size > len(lines) for size in heads) and not broken: self.find("cut", name, len(lines))
        self.before.append((name, len(lines), digest, signed, bool(broken)))

    def event(self, row, place):
        kind, month, find = row["kind"], row.get("month"), lambda word: self.find(word, *place)
        call, period = row.get("call"), self.periods.get(row.get("period")) if kind != "period-opened" else None
        if kind == "segment-opened":
            said, self.partial = row["previous"], self.partial if self.before else bool(row["previous"])
            name, size, last, _, broken = self.before[-1] if self.before else (None, 0, b"", 0, True)
            if row["prev"] != (said["last"] if said else "0" * 64) or (self.before and not said): find("changed")
            if said and self.before and said["segment"] != name: find("segment-missing")
            elif said and not broken and said["size"] > size: self.find("cut", name, size)
            elif said and not broken and said["size"] < size: self.find("inserted", name, said["size"])
            elif said and not broken and said["last"] != last.hex(): self.find("changed", name, size - 1)
            heads = [] if self.before or not said else [head for head in self.heads if head[:2] == (said["segment"], said["size"])]
            if any(head[2].hex() != said["root"] for head in heads): find("not-as-signed")
        elif kind == "month-committed":
            for later, seed in enumerate(row["commitments"]):
                day = str(datetime.date.fromisoformat(row["from"]) + datetime.timedelta(later))
                if self.promises.setdefault(day, seed) != seed: find("seed-not-promised")
            self.promised_at.setdefault(month, place)
        elif kind == "number-entered":
            if row["number"] and month not in self.promised_at and not self.partial: find("number-early")
            if self.numbers.get(month): find("number-again")
            else: self.numbers[month], self.number_at[month] = row["number"], place
        elif kind == "period-opened":
            number, day, last, council = row["period"], row["day"], self.last_period, row["council"]
            if last is not None and number <= last: find("period-again"); return
            if number > (last or 0) + 1 and not (last is None and self.partial): find("period-missing")
            if self.promises.get(day) != row["commitment"] and not (day not in self.promises and self.partial): find("seed-not-promised")
            if self.numbers.get(day[:7]) != council and (day[:7] in self.numbers or not self.partial): find("number-wrong")
            self.last_period, self.periods[number] = number, dict(row, calls=[], skipped=[])
            self.months.setdefault(day[:7], []).append(council)
        elif kind == "call-began":
            self.live[call] = row
            if row["number"] and period: period["calls"].append(row)
            elif row["number"] and not self.partial: find("period-unknown")
        elif kind == "call-ended":
            began, self.reasons[call] = self.live.pop(call, {"period": None, "number": None}), row["reasons"]
            period, began["end"] = self.periods.get(began["period"]), (row, place)
            if "sample" in row["reasons"] and not (period and began["number"]) and not self.partial: find("sampled-undrawn")
            if "sample" in row["reasons"] and row["draw"] and period: self.sampled[call] = [row["draw"], period["day"], None, False]
            if call in self.early: self.kept(*self.early.pop(call))
        elif kind == "recording-kept" and call in self.live: self.early[call] = row, place
        elif kind == "recording-kept": self.kept(row, place)
        elif kind == "numbers-skipped" and period: period["skipped"].append((row["first"], row["last"]))
        elif kind == "seed-published": self.publish(row, find)
        elif kind == "deed": self.deed(row, find)
        if kind in ("numbers-skipped", "clock-refused"): find(kind)

    def kept(self, row, place):
        reasons, call = self.reasons.get(row["call"], row["reasons"] if self.partial else []), self.sampled.get(row["call"])
        if not row["reasons"] or set(row["reasons"]) - set(reasons): self.find("kept-without-reason", *place)
        if call: self.recordings[row["recording"]], call[2] = call, row["recording"]
        if call and call[1] in self.published: self.waiting.add((call[0], call[2]))

    def deed(self, row, find):
        call, deed, turn = self.recordings.get(row["recording"]), row["deed"], row["in_turn"]
        if not call or row["result"] != "done": return
        this, heard = (call[0], call[2]), deed in ("handed-out", "reviewed", "skipped") or deed == "played" and turn is not None
        if heard and not call[3] and this != min(self.waiting, default=0): find("heard-out-of-turn" if turn is False else "out-of-turn")
        if deed == "let-go" and this != max(self.waiting, default=0): find("let-go-out-of-turn")
        if heard and (deed, turn) != ("played", False) or deed in ("let-go", "quality-ended", "restricted", "deleting", "deleted", "erased"):
            call[3] = True; self.waiting.discard(this)

    def publish(self, row, find):
        for number, last in [(end["period"], end["last"]) for end in row["periods"]]:
            period, seed = self.periods.pop(number, None), bytes.fromhex(row["seed"])
            wrong = period and (period["day"] != row["day"] or sha(b"retrocall seed v1\n", seed).hex() != period["commitment"])
            if not period and not self.partial: find("period-unknown")
            elif wrong: find("seed-wrong")
            elif period: self.draw(period, number, last, mac(seed, (period["council"] or "retrocall draw v1: no number").encode()), find)
        self.published.add(row["day"])
        self.waiting |= {(call[0], call[2]) for call in self.sampled.values() if call[1] == row["day"] and call[2] and not call[3]}

    def draw(self, period, id, last, key, find):
        """Draws a day's calls again, now that its seed is known, and counts them for the comparisons."""
        n, big, count = period["one_in"], lambda number: number.to_bytes(8, "big"), self.counts.setdefault(period["one_in"], collections.Counter())
        value = lambda number: mac(key, bytes([0, 0, 0, 1]) + sha(self.site.encode()) + big(id) + big(number))[:8]
        is_drawn = lambda value: n > 0 and int.from_bytes(value, "big") * n < 2**64
        for call in period["calls"]:
            if "end" not in call: find("seed-early"); continue
            (end, place), own = call["end"], value(call["number"])
            left_out, sampled, drawn, lost = call["exempt"] or call["informed"] == "none", "sample" in end["reasons"], is_drawn(own), end["outcome"] == "lost"
            barred = left_out or end["private"] or end["objected"]
            if end["draw"] != own.hex(): self.find("draw-wrong", *place)
            if sampled and (not drawn or barred): self.find("sampled-against-rule" if drawn else "sampled-undrawn", *place)
            if drawn and not (sampled or barred or lost): self.find("drawn-unsampled", *place)
            marks = [("", 1), ("private", end["private"]), ("objected", end["objected"]), ("not informed or exempt", left_out), ("lost", lost)]
            marks += [((place[0], call["agent"]), 1), (min((end["ms"] or 0) // 1000, 4095), end["ms"] is not None)]
            count.update((mark, drawn) for mark, is_so in marks if is_so)
        count.update(("skipped", is_drawn(value(number))) for a, b in period["skipped"] for number in range(a, b + 1))
        following, spans = period["first"], sorted([(call["number"], call["number"]) for call in period["calls"]] + period["skipped"])
        for a, b in spans + [(last + 1, last)]:
            if a > following or a > last and (a, b) in spans: find("number-missing")
            elif a < following and a <= last: find("number-twice")
            following = max(following, b + 1)

    def steered(self):
        """Drawn calls against the others, by exact tests; Holm's correction holds the error over all of them at one in a thousand."""
        chances = []
        for n, count in [(n, count) for n, count in self.counts.items() if n > 1]:
            pair = lambda mark: (count[mark, True], count[mark, True] + count[mark, False])
            more = lambda mark, marked, of: chances.append((fisher(*marked, *of), f"{mark}, 1 in {n}"))
            for mark in ("private", "objected", "not informed or exempt", "lost"): more(mark, pair(mark), pair(""))
            lengths = [pair(length) for length in range(4096)]
            sums = lambda limit: (sum(drawn for drawn, _ in lengths[:limit]), sum(total for _, total in lengths[:limit]))
            border = next(length for length in range(4096) if 4 * sums(length + 1)[1] >= sums(4096)[1])
            more(f"at most {border} s long", sums(border + 1), sums(4096))
            agents = [(mark, "%s agent %s" % mark) for mark in sorted({mark for mark, _ in count if isinstance(mark, tuple)})]
            for mark, name in [("", "all calls"), ("skipped", "skipped numbers")] + agents:
                few = mark == "skipped" and pair(mark)[0] <= pair(mark)[1] / n
                chances.append((1.0 if few else binomial(*pair(mark), 1 / n), f"{name}, 1 in {n}"))
        for place, (chance, name) in enumerate(sorted(chances)):
            if chance > 0.001 / (len(chances) - place): break
            self.found.add(f"finding steered {name}")

    def verdict(self, month):
        number_at, promised = self.number_at.get(month), self.promised_at.get(month)
        if not any(day.startswith(month) for day in self.promises): return "unwitnessed-not-promised"
        if not number_at and any(self.months[month]): return "expired"
        if not self.numbers.get(month): return "unwitnessed-no-number"
        if None in self.months[month]: return "unwitnessed-number-late"
        promises = lambda head: promised < head[:2] if promised else any(day.startswith(month) for day, _ in head[4])
        return "witnessed" if any(promises(head) and number_at >= head[:2] for head in self.heads) else "unwitnessed-no-head"

    def report(self):
        for path in sorted((self.folder / "segments").glob("*.jsonl")):
            self.segment(path.stem, path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1])
        for segment, size, *_ in self.heads:
            gone = size and segment not in [name for name, *_ in self.before]
            if gone and (not self.before or self.before[0][0] < segment): self.find("cut", segment, 0)
        self.steered()
        name, _, _, signed, _ = self.before[-1]
        ends = f"tail {name} {signed} {'outside' if self.later and (name, signed) <= self.later[:2] else 'inside'}"
        return sorted(self.found | {f"verdict {month} {self.verdict(month)}" for month in self.months} | {ends})

if __name__ == "__main__":
    lines = Verifier(*sys.argv[1:]).report()
    print("\n".join(lines))
    kinds = {line.split(" ")[1] for line in lines if line.startswith("finding")}
    sys.exit(bool(kinds - {"numbers-skipped", "heard-out-of-turn", "clock-refused"}))
