// A proof holds for its record, under its checkpoint, and for nothing else.
#include "audit/proof.h"

#include "audit/test_log.h"

namespace notaus::audit {
namespace {

TEST(Proof, EveryRecordOfLogsOfManySizes) {
  for (std::uint64_t size : {1, 2, 3, 7, 8, 255, 256, 257, 515}) {
    TestLog test;
    Log log = test.open();
    TestLog::fill(log, size);
    auto view = View::open(test.place.directory);
    ASSERT_TRUE(view) << view.error().what;
    const auto lines = test.lines();
    for (std::uint64_t n = 0; n < size; ++n) {
      auto proof = prove(*view, n);
      ASSERT_TRUE(proof) << n << " of " << size << ": " << proof.error().what;
      auto proven = check_proof(*proof, view->by());
      ASSERT_TRUE(proven) << proven.error().what;
      EXPECT_EQ(proven->number, n);
      EXPECT_EQ(proven->record, lines[n]);
    }
    EXPECT_EQ(prove(*view, size).error().kind, Kind::gone);
  }
}

TEST(Proof, OneByteOfAnotherAndItProvesNothing) {
  TestLog test;
  Log log = test.open();
  TestLog::fill(log, 300);
  const View view = *View::open(test.place.directory);
  const std::string proof = *prove(view, 257);
  for (std::size_t at = 0; at < proof.size(); ++at)
    for (int bit : {0, 1, 5}) {
      std::string other = proof;
      other[at] = static_cast<char>(other[at] ^ (1 << bit));
      EXPECT_FALSE(check_proof(other, view.by())) << at;
    }
  for (std::size_t size = 0; size < proof.size(); ++size) EXPECT_FALSE(check_proof(proof.substr(0, size), view.by())) << size;
  EXPECT_FALSE(check_proof(proof, Signer{"other", *make_signing_key()}.verifier()));
}

// Of a log with one record the path is empty, so the number is all that is left to be wrong.
TEST(Proof, AnotherNumberOrALongerPathProvesNothing) {
  TestLog test;
  Log log = test.open();
  TestLog::fill(log, 1);
  const View one = *View::open(test.place.directory);
  std::string proof = *prove(one, 0);
  EXPECT_TRUE(check_proof(proof, one.by()));  // control
  const std::string number = "index 0\n", extra = base64(bytes_of(Hash{})) + "\n";
  EXPECT_FALSE(check_proof(std::string(proof).replace(proof.find(number), number.size(), "index 5\n"), one.by()));
  EXPECT_FALSE(check_proof(std::string(proof).insert(proof.find(number) + number.size(), extra), one.by()));
  TestLog::fill(log, 6);
  const View seven = *View::open(test.place.directory);
  proof = *prove(seven, 3);
  EXPECT_TRUE(check_proof(proof, seven.by()));  // control
  EXPECT_FALSE(check_proof(std::string(proof).insert(proof.find("\n\n") + 1, extra), seven.by()));
}

TEST(Proof, OfADamagedLogThereIsNone) {
  TestLog test;
  Log log = test.open();
  TestLog::fill(log, 300);
  std::string tile = contents(test.file("tile/0/000"));
  tile[40] = static_cast<char>(tile[40] ^ 1);
  put(test.file("tile/0/000"), tile);
  EXPECT_FALSE(prove(*View::open(test.place.directory), 0));
  EXPECT_TRUE(prove(*View::open(test.place.directory), 299));  // control: that path knows the tile by its hash alone
}

TEST(Continues, TheLogThatGaveTheTicketAndNoOther) {
  TestLog test, other;
  std::vector<Ticket> given;
  {
    Log log = test.open();
    for (std::uint64_t size : {0, 1, 255, 1, 1, 254, 300}) {
      TestLog::fill(log, size);
      given.push_back(*parse_ticket(ticket_text(log.checkpoint())));
    }
    Log begun = other.open();
    TestLog::fill(begun, 900);
  }
  const View view = *View::open(test.place.directory);
  for (const Ticket& ticket : given) {
    EXPECT_TRUE(continues(view, ticket)) << ticket.text();
    Ticket rewritten = ticket, longer = ticket;
    rewritten.root[31] ^= 1;
    EXPECT_EQ(continues(view, rewritten).error().kind, Kind::broken) << ticket.text();
    longer.size += 813;
    EXPECT_EQ(continues(view, longer).error().kind, Kind::broken) << ticket.text();
    EXPECT_EQ(continues(*View::open(other.place.directory), ticket).error().kind, Kind::broken) << ticket.text();
  }
  // Of the same size and key, and other records.
  EXPECT_FALSE(continues(view, {.size = 1, .root = given[2].root, .key_id = given[1].key_id}));
}

}  // namespace
}  // namespace notaus::audit
