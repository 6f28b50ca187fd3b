// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "doctor/stage.hpp"

using namespace wasmx;
using namespace wasmx::doctor;

namespace {

using Ids = std::vector<std::string>;

void passes(Scene&, Result& result) { result.observed = "fine"; }
void warns(Scene&, Result& result) {
    result.verdict = Verdict::warn;
    result.observed = "well…";
}
void fails(Scene&, Result& result) {
    result.required = "that it works";
    Error error(Fault::denied, "it does not", "mend it");
    error.add_frame("trying");
    error.set_lines({"a line"});
    throw std::move(error);
}
void throws(Scene&, Result&) { throw std::runtime_error("boom"); }
void skips(Scene&, Result&) { throw Skip{"not here"}; }
void wants_engine(Scene& scene, Result&) { (void)scene.engine.need(); }
void wants_tree(Scene& scene, Result&) { (void)scene.tree.need(); }
void is_interrupted(Scene&, Result&) { throw_interrupted(); }

Check made(const std::string& id, void (*run)(Scene&, Result&), Ids needs = {}, std::string_view group = "engine") {
    return {.id = id, .group = group, .title = "a test", .needs = std::move(needs), .run = run};
}

Finding of(const Report& report, const std::string& id) {
    for (const Finding& finding : report.findings)
        if (finding.check.id == id) return finding;
    FAIL(id);
    return report.findings.front();
}

Report report_on(const std::vector<Check>& table, const Selection& selection = {}, Request request = {}) {
    Stage stage(std::move(request));
    return examine(stage.scene, selection, table);
}

}  // namespace

TEST_SUITE_BEGIN("doctor");

TEST_CASE("the table: every id once, every need is one of them, no circle") {
    std::set<std::string> ids;
    for (const Check& check : checks()) {
        CHECK(ids.insert(check.id).second);
        CHECK(check.id.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos);
        CHECK_FALSE(check.title.empty());
    }
    std::set<std::string> over;
    for (std::size_t round = 0; round < checks().size(); ++round)
        for (const Check& check : checks()) {
            const auto is_over = [&](const std::string& need) { return over.contains(need); };
            if (std::all_of(check.needs.begin(), check.needs.end(), is_over)) over.insert(check.id);
            for (const std::string& need : check.needs) CHECK(ids.contains(need));
        }
    CHECK(over == ids);
}

TEST_CASE("groups stand together in the table") {
    std::vector<std::string_view> groups;
    for (const Check& check : checks())
        if (groups.empty() || groups.back() != check.group) groups.push_back(check.group);
    CHECK(groups == std::vector<std::string_view>{"engine", "inputs", "registry"});
}

TEST_CASE("what a check does becomes its finding") {
    const Report report =
        report_on({made("a", passes), made("b", warns), made("c", fails), made("d", throws), made("e", skips)});
    CHECK(of(report, "a").result.verdict == Verdict::pass);
    CHECK(of(report, "b").result.verdict == Verdict::warn);
    const Result failed = of(report, "c").result;
    CHECK(failed.verdict == Verdict::fail);
    CHECK(failed.observed == "trying: it does not");
    CHECK(failed.hint == "mend it");
    CHECK(failed.required == "that it works");
    CHECK(failed.details == Ids{"a line"});
    CHECK(failed.fault == Fault::denied);
    CHECK(of(report, "d").result.verdict == Verdict::fail);
    CHECK(of(report, "d").result.observed == "boom");
    CHECK(contains(of(report, "d").result.hint, "report"));
    CHECK(of(report, "e").result.verdict == Verdict::skip);
    CHECK(of(report, "e").result.observed == "not here");
    CHECK(report.culprits() == Ids{"c", "d"});
    CHECK_FALSE(report.is_well());
}

TEST_CASE("a check without its fact is skipped, and the first cause is named") {
    const auto chain = [](void (*first)(Scene&, Result&)) {
        return report_on({made("engine-version", first), made("b", wants_engine, {"engine-version"})});
    };
    CHECK(of(chain(fails), "b").result.verdict == Verdict::skip);
    CHECK(of(chain(fails), "b").result.observed == "engine-version failed");
    CHECK(of(chain(skips), "b").result.observed == "engine-version was skipped");
    // The tree is the business of `source`, which has no engine.
    const Report report = report_on({made("engine-version", fails), made("source", wants_engine, {"engine-version"}),
                                     made("c", wants_tree, {"source"})});
    CHECK(of(report, "c").result.observed == "engine-version failed");
}

TEST_CASE("a need that failed does not stop a check that can do without what it found") {
    const Report report = report_on({made("a", fails), made("b", passes, {"a"})});
    CHECK(of(report, "b").result.verdict == Verdict::pass);
}

TEST_CASE("checks run at the same time, those that need others after them") {
    static std::promise<void>* here;
    static std::atomic<int> order;
    static std::atomic<int> first;
    static std::atomic<int> second;
    std::promise<void> promise;
    here = &promise;
    order = 0;
    // One waits for the other; one after the other they would never end.
    const auto waits = [](Scene&, Result&) {
        const auto state = here->get_future().wait_for(std::chrono::seconds(20));
        CHECK(state == std::future_status::ready);
        first = ++order;
    };
    const auto wakes = [](Scene&, Result&) { here->set_value(); };
    const auto later = [](Scene&, Result&) { second = ++order; };
    report_on({made("c", later, {"a"}), made("a", waits), made("b", wakes)});
    CHECK(first == 1);
    CHECK(second == 2);
}

TEST_CASE("a fail that is ignored is a warning, and nothing else is touched") {
    const Report report =
        report_on({made("a", fails), made("b", fails), made("c", skips)}, {.only = {}, .ignore = {"a", "c"}});
    CHECK(of(report, "a").result.verdict == Verdict::warn);
    CHECK(of(report, "a").ignored);
    CHECK(of(report, "a").result.hint == "mend it");
    CHECK(of(report, "b").result.verdict == Verdict::fail);
    CHECK(of(report, "c").result.verdict == Verdict::skip);
    CHECK_FALSE(of(report, "c").ignored);
    CHECK(report.culprits() == Ids{"b"});
}

TEST_CASE("warnings fail only when that is asked for") {
    const std::vector<Check> table{made("a", warns), made("b", fails)};
    CHECK(report_on(table).culprits() == Ids{"b"});
    Selection strict;
    strict.warnings = Selection::Warnings::fail;
    CHECK(report_on(table, strict).culprits() == Ids{"b", "a"});
}

TEST_CASE("some only: with what they need, in the table's order") {
    const std::vector<Check> table{made("a", passes), made("b", passes, {"c"}), made("c", passes, {"a"}),
                                   made("d", passes)};
    Ids ran;
    for (const Finding& finding : report_on(table, {.only = {"b"}, .ignore = {}}).findings)
        ran.push_back(finding.check.id);
    CHECK(ran == Ids{"a", "b", "c"});
}

TEST_CASE("without a push the registry's checks are skipped, and say why") {
    Request request;
    request.push = Request::Push::no;
    const Report report = report_on({made("a", fails, {}, "registry"), made("b", passes)}, {}, std::move(request));
    CHECK(of(report, "a").result.verdict == Verdict::skip);
    CHECK(of(report, "a").result.observed == "nothing is pushed without --push");
    CHECK(of(report, "b").result.verdict == Verdict::pass);
}

TEST_CASE("being asked to stop is no finding") {
    Stage stage;
    const Error error = test::error_of([&] {
        examine(stage.scene, {}, {made("a", passes), made("b", is_interrupted)});
    });
    CHECK(error.fault() == Fault::interrupted);
}

TEST_CASE("an id that no check has") {
    CHECK_NOTHROW(check_selection({.only = {"clock"}, .ignore = {"engine-disk"}}));
    const Error only = test::error_of([] { check_selection({.only = {"engine-memry"}, .ignore = {}}); });
    CHECK(only.fault() == Fault::usage);
    CHECK(only.hint() == "did you mean engine-memory?");
    const Error ignore = test::error_of([] { check_selection({.only = {}, .ignore = {"xyzzy-plugh"}}); });
    CHECK(contains(ignore.hint(), "--list"));
}

TEST_SUITE_END();
