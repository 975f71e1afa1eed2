"""Small wrong edits of what proves something about the log; audit_test must see each: mutants.py BUILD_DIRECTORY [PART OF A LOSS]

The code as it is must pass. A mutant that does not apply is a failure too: then the code has changed and the list must follow.
"""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import mutation  # noqa: E402
from mutation import Mutant, QuickBuilder, judge_all, misplaced, report, tests_pass  # noqa: E402

# Not in it, since nothing tells them from the code: without `view_.size() < standing_.base` the segment lacks the records in between; a path that
# is too short comes to the root of a part of the tree, which is none that was signed.
MUTANTS = [
    ("verify.cc", "an end that was cut off is not missed", [("if (known > standing_.edge.tree().size())", "if (false)")]),
    ("verify.cc", "the signed root is not compared", [("if (tree_.root() != view_.checkpoint().root)", "if (false)")]),
    ("verify.cc", "the earlier root is not compared", [("if (tree_.root() != earlier_->root)", "if (false)")]),
    ("verify.cc", "the last record is not looked at", [("i < entries->size(); ++i) {", "i + 1 < entries->size(); ++i) {")]),
    ("verify.cc", "any bundle may be gone", [("entries.error().kind == Kind::gone && first == pruned_ && hashes", "entries.error().kind == Kind::gone && hashes")]),
    ("verify.cc", "records go without a record", [("if (pruned_ > told_pruned_)", "if (false)")]),
    ("verify.cc", "a record's text passes for one of pruning", [('if (text_in(record, "kind") == "pruned") told', "told")]),
    ("verify.cc", "upper tiles are not compared", [("if (level > 0 && good)", "if (level > 1 && good)")]),
    ("verify.cc", "the upper edge is not compared", [("level < tree_.edge().size(); ++level)\n      if", "level < 1; ++level)\n      if")]),
    ("verify.cc", "earlier states of tiles are not compared", [("bytes && *bytes != made)", "bytes && bytes->empty())")]),
    ("verify.cc", "the segment has what it likes", [("if (tree_.root() == standing_.edge.tree().root()) return {};", "return {};")]),
    ("verify.cc", "a ticket of another key is one of ours", [("ticket && ticket->key_id == ticket_of({}, by).key_id)", "ticket)")]),
    ("verify.cc", "pruning is taken for tampering", [("view->first_bundle() != first;", "false;")]),
    ("proof.cc", "a proof without its record's number", [("*number >= checkpoint->size || ", "")]),
    ("proof.cc", "left and right are one", [("if (at % 2 == 1 || at == last) {", "if (at % 2 == 1) {")]),
    ("proof.cc", "a path that is too long proves", [("if (last == 0) return std::nullopt;", "if (last == 0) break;")]),
    ("proof.cc", "a proof of a damaged tile is handed out", [("return checked ? Result<std::string>(out) : std::unexpected(checked.error());", "return out;")]),
    ("proof.cc", "a cursor of another log is good", [("if (ticket.key_id != now.key_id)", "if (false)")]),
    ("proof.cc", "a cursor of a rewritten log is good", [("if (*root != ticket.root)", "if (false)")]),
    ("tiles.cc", "half a hash is none", [("return tile.empty() ? std::optional(std::move(out)) : std::nullopt;", "return out;")]),
    ("tiles.cc", "half an entry is none", [("return bundle.empty() ? std::optional(std::move(out)) : std::nullopt;", "return out;")]),
    ("tiles.cc", "a thousand tiles have one name", [("index % 1000, out);", "index % 10, out);")]),
    ("index.cc", "a stop reads all that was written lately", [('if (filter.admission_only) out.push_back(word_of(kUnheard, ""));', "")]),
    ("index.cc", "a stop passes over what was let go", [('words.add(kUnheard, "");', "")]),
    ("tree.cc", "leaves are nodes", [('sha256({"\\0", 1}, entry)', 'sha256({"\\1", 1}, entry)')]),
    ("tree.cc", "an edge that does not fit its size is taken", [("if (level.size() != rest % kTileWidth) return std::nullopt;", "")]),
    ("view.cc", "what is wider than a tile is one", [("return found == promised || found == kTileWidth;", "return found >= promised;")]),
    ("standing.cc", "the segment's last root is not compared", [("if (!signs(last.checkpoint, by, edge->tree()))", "if (false)")]),
    ("note.cc", "a signature of anybody is one", [("if (!is_signed(by.public_key, text, bytes->substr(4)))", "if (false)")]),
    ("note.cc", "a second form of a checkpoint is one", [("if (!root || out.text() != *text)", "if (!root)")]),
    ("note.cc", "a checkpoint of another origin is one", [("if (out.origin != by.name)", "if (false)")]),
    ("prune.cc", "one young record among the old goes", [("if (bundle < end && young == entries->end()) {", "if (bundle < end && young != entries->begin()) {")]),
    ("prune.cc", "what the segment needs goes", [("const std::uint64_t end = stays.bytes == 0 ? durable : std::min(durable, ", "const std::uint64_t end = stays.bytes == 0 ? view->size() / kTileWidth : std::max(durable, ")]),
    ("prune.cc", "another log's records go", [("if (log.name() != what.log)", "if (false)")]),
]
SHARDS = 6
mutation.HANGS_S = 300   # a busy machine hashes for a while
os.environ |= {"NOTAUS_TAMPERINGS": "100", "NOTAUS_CLEAN_LOGS": "5"}   # of random harm; that is for every harm to be seen, this for every check
tempfile.tempdir = "/dev/shm"   # thousands of logs are made, and none of them must survive a crash


def mutants():
    return [Mutant("src/audit/" + file, loss, edits, lambda program: not tests_pass(program, SHARDS)) for file, loss, edits in MUTANTS]


def misplaced_entries():
    return [gone for mutant in mutants() if (gone := misplaced(mutant))]


def main(build, part=""):
    wanted = [mutant for mutant in mutants() if part in mutant.loss]
    unchanged = Mutant("src/audit/proof.cc", "nothing is wrong", [], lambda program: tests_pass(program, SHARDS))
    with tempfile.TemporaryDirectory() as where:
        quick = QuickBuilder(build, Path(where), {mutant.file for mutant in wanted}, "-O0")
        if judge_all(quick, "audit_test", [unchanged]):
            sys.exit("the code as it is fails")
        return report(len(wanted), judge_all(quick, "audit_test", wanted))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
