# SPDX-License-Identifier: Apache-2.0
"""Each lint finds the violation that is planted for it, and leaves good text alone."""
import tempfile
import unittest
from pathlib import Path

import check_blocks
import check_changelog
import check_coroutines
import check_docs
import check_headers
import check_includes
import check_length
import check_log_fields
import check_shell
import check_volume_names
import check_words
import common


class Coroutines(unittest.TestCase):
    BAD = {
        'asio::awaitable<int> f() { if (co_await g()) co_return 1; co_return 2; }': 'condition',
        'task f() { while (!(co_await g())) { step(); } }': 'condition',
        'task f() { switch (co_await g()) { default: break; } }': 'condition',
        'task f() { do { step(); } while (a && co_await g()); }': 'condition',
        'task f() { co_await g(Options{.a = x}); }': 'brace',
        'task f() { co_await g({}); }': 'brace',
        'task f() { auto r = co_await g([x] { return x; }); }': 'brace',
        'task f() { auto r = h([x] { return x; }, co_await g()); }': 'brace',
        'task f() { std::vector<int> v{co_await g()}; }': 'braced initialiser',
        'task f() { auto r = c ? co_await g() : h(); }': 'conditional',
        'task f() { co_await g(c ? a : b); }': 'conditional',
        'task f() { throw std::runtime_error(co_await g()); }': 'throw',
        'task f() { auto r = co_await g() + co_await h(); }': 'second await',
        'auto r = [this](int n) -> asio::awaitable<void> { co_return; };': 'capture',
        'auto r = [&]() -> awaitable<void> { co_return; };': 'capture',
        'asio::co_spawn(ex, f(), asio::detached);': 'detached',
    }
    GOOD = [
        'task f() { const bool ok = co_await g(); if (ok) { co_return; } }',
        'task f() { auto [ec, n] = co_await s.async_read_some(buffer, token); }',
        'task f() { for (const auto& item : co_await g()) { use(item); } }',
        'task f() { if (const auto r = g(); r.ok()) { co_await h(); } else { co_await i(std::move(r)); } }',
        'task f() { try { co_await g(); } catch (const std::exception& e) { report(e); } }',
        'task f() { co_return co_await g(std::string("a")); }',
        'task f() { // if (co_await g())\n  log("if (co_await g())"); co_await g(); }',
        'auto r = [](int n) -> asio::awaitable<void> { co_return; };',
        "task f() { const auto n = 1'000'000; co_await wait(n); }",
    ]

    def test_each_planted_form_is_found(self):
        for source, why in self.BAD.items():
            with self.subTest(source):
                found = check_coroutines.findings(source)
                self.assertTrue(any(why in text for _, text in found), found)

    def test_plain_awaits_are_left_alone(self):
        for source in self.GOOD:
            with self.subTest(source):
                self.assertEqual(check_coroutines.findings(source), [])

    def test_the_line_is_named(self):
        self.assertEqual(check_coroutines.findings('task f() {\n\n  co_await g({});\n}')[0][0], 3)


class Tree(unittest.TestCase):
    """A small tree in a temporary folder."""

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.root = Path(self._folder.name).resolve()

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding='utf-8')
        return Path(name)


class Includes(Tree):
    def found(self, name: str, text: str) -> list:
        for header in ('wire/pkt_line', 'store/store', 'sync/engine', 'base/error', 'http/url', 'net/dial'):
            self.put(f'include/adapter/{header}.hpp', '')
        self.put('src/store/walk.hpp', '')
        return [why for _, why in check_includes.source_findings(self.root, self.put(name, text), text)]

    def test_a_forbidden_room_is_found(self):
        self.assertIn('wire may not use store', self.found('src/wire/a.cpp', '#include "adapter/store/store.hpp"')[0])
        self.assertIn('store may not use sync', self.found('include/adapter/store/a.hpp',
                                                           '#include "adapter/sync/engine.hpp"\n')[0])
        self.assertIn('http may not use net', self.found('tests/unit/http/a.cpp', '#include "adapter/net/dial.hpp"')[0])

    def test_a_library_outside_its_room_is_found(self):
        for name, text in {
            'src/sync/a.cpp': '#include <git2.h>', 'src/transport/a.cpp': '#include <openssl/ssl.h>',
            'src/net/a.cpp': '#include <openssl/evp.h>', 'src/crypto/a.cpp': '#include <openssl/ssl.h>',
            'src/http/a.cpp': '#include <fmt/format.h>', 'src/wire/a.cpp': '#include <asio/awaitable.hpp>',
            'src/store/a.cpp': '#include <spdlog/spdlog.h>', 'src/sync/b.cpp': '#include <yaml-cpp/yaml.h>',
            'src/sync/c.cpp': '#include <asio/ip/tcp.hpp>', 'src/base/a.cpp': '#include <gtest/gtest.h>',
        }.items():
            with self.subTest(text):
                self.assertEqual(len(self.found(name, text)), 1)

    def test_private_things_in_public_headers_are_found(self):
        self.assertIn('private', self.found('include/adapter/store/a.hpp', '#include "walk.hpp"')[0])
        self.assertIn('shows', self.found('include/adapter/store/a.hpp', '#include <git2.h>')[0])
        self.assertIn('not in src', self.found('src/publish/a.cpp', '#include "walk.hpp"')[0])
        self.assertIn('leaves', self.found('src/publish/a.cpp', '#include "../store/walk.hpp"')[0])

    def test_a_missing_header_and_a_second_main_are_found(self):
        self.assertIn('does not exist', self.found('src/store/a.cpp', '#include "adapter/base/gone.hpp"')[0])
        self.assertIn('only main', self.found('src/store/a.cpp', 'int main(int argc, char** argv) {\n')[0])
        self.assertEqual(self.found('src/app/main.cpp', 'int main() {}\n'), [])

    def test_allowed_includes_are_left_alone(self):
        self.assertEqual(self.found('src/store/a.cpp', '#include "walk.hpp"\n#include "adapter/base/error.hpp"\n'
                                    '#include <git2.h>\n#include <vector>\n// #include <CLI/CLI.hpp>\n'), [])

    def test_links_between_rooms_are_checked(self):
        path = Path('src/wire/meson.build')
        self.assertEqual(len(check_includes.build_findings(path, 'dependencies: [base_dep, store_dep]')), 1)
        self.assertEqual(check_includes.build_findings(path, 'dependencies: [base_dep] # not store_dep'), [])

    def test_the_table_has_no_cycle(self):
        self.assertEqual(check_includes.cycle(), [])
        check_includes.ROOMS['base'].add('app')
        self.addCleanup(check_includes.ROOMS['base'].discard, 'app')
        self.assertIn('base', check_includes.cycle())


class Headers(Tree):
    GOOD = '// SPDX-License-Identifier: Apache-2.0\n#pragma once\n'

    def found(self, name: str, text: str) -> list:
        return [why for _, why in check_headers.findings(self.root, self.put(name, text), text)]

    def test_missing_lines_are_found(self):
        self.assertIn('SPDX', self.found('src/a/b.hpp', '#pragma once\n')[0])
        self.assertIn('pragma', self.found('src/a/b.hpp', '// SPDX-License-Identifier: Apache-2.0\n')[0])
        self.assertIn('SPDX', self.found('scripts/x', '#!/bin/sh\n')[0])
        self.assertIn('newline', self.found('src/a/b.hpp', self.GOOD + 'int a;')[0])
        self.assertIn('white space', self.found('src/a/b.hpp', self.GOOD + 'int a; \n')[0])
        self.assertIn('using namespace', self.found('src/a/b.hpp', self.GOOD + 'using namespace std;\n')[0])
        self.assertEqual(self.found('src/a/b.hpp', self.GOOD), [])

    def test_own_header_comes_first(self):
        self.put('include/adapter/wire/x.hpp', self.GOOD)
        licence = '// SPDX-License-Identifier: Apache-2.0\n'
        self.assertIn('own header', self.found('src/wire/x.cpp', licence + '#include <vector>\n')[0])
        self.assertEqual(self.found('src/wire/x.cpp', licence + '#include "adapter/wire/x.hpp"\n#include <a>\n'), [])


class Length(unittest.TestCase):
    def test_long_functions_are_found(self):
        body = '  step();\n' * 61
        for source in ('namespace a {\nint f(int b) {\n' + body + '}\n}\n',
                       'struct S {\n  int f() const noexcept {\n' + body + '  }\n};\n',
                       'S::S(int a) : a_{a} {\n' + body + '}\n'):
            with self.subTest(source[:20]):
                self.assertEqual(len(check_length.findings(Path('a.cpp'), source)), 1)
        self.assertEqual(len(check_length.findings(Path('a.py'), 'def f():\n' + '    g()\n' * 61)), 1)

    def test_long_files_are_found(self):
        self.assertEqual(len(check_length.findings(Path('a.hpp'), 'int a;\n' * 401)), 1)

    def test_short_ones_are_left_alone(self):
        self.assertEqual(check_length.findings(Path('a.cpp'), 'namespace a {\nint f() {\n' + '  g();\n' * 50 + '}\n' +
                                               'int h() {\n' + '  g();\n' * 50 + '}\n}\n'), [])

    def test_tables_are_not_functions(self):
        self.assertEqual(check_length.findings(Path('a.cpp'), 'constexpr int a[] = {\n' + '  1,\n' * 90 + '};\n'), [])


class Words(unittest.TestCase):
    def test_each_is_found(self):
        for text in ('// TO' + 'DO: later', '# FIX' + 'ME', 'GTEST' + '_SKIP();', 'TEST(A, DISABLED' + '_b)',
                     'see STY' + 'LE.md', '<' * 7 + ' HEAD'):
            with self.subTest(text):
                self.assertEqual(len(check_words.findings(text)), 1)

    def test_other_words_are_left_alone(self):
        self.assertEqual(check_words.findings('method, mastodon, /dev/shm, shared/lib'), [])


class Docs(Tree):
    def test_dead_links_are_found(self):
        self.put('docs/there.md', '# A heading: here\n')
        text = '[a](docs/gone.md) [b](docs/there.md#no) [c](../outside.md)\n[d]: missing.md\n'
        self.assertEqual(len(check_docs.findings(self.root, self.put('README.md', text), text)), 4)

    def test_live_links_are_left_alone(self):
        self.put('docs/there.md', '# A heading: here\n## Again\n## Again\n')
        text = ('[a](docs/there.md) [b](docs/there.md#a-heading-here) [c](docs/there.md#again-1) [d](docs)\n'
                '[e](https://example.com/x) `[f](gone.md)`\n```\n[g](gone.md)\n```\n[h](#top)\n# Top\n')
        self.assertEqual(check_docs.findings(self.root, self.put('README.md', text), text), [])


class Blocks(Tree):
    def found(self, *lines):
        text = '\n'.join((*lines, '```sh', 'ls', '```', ''))
        return check_blocks.findings(self.root, self.put('docs/page.md', text), text)

    def test_commands_that_nothing_runs_are_found(self):
        self.put('tests/other.py', 'index.md\n')
        for lines in ((), ('<!-- not run: -->',), ('<!-- not run: slow -->', ''), ('<!-- run by tests/gone.py -->',),
                      ('<!-- run by tests/other.py -->',)):  # fmt: skip
            with self.subTest(lines):
                self.assertEqual(len(self.found(*lines)), 1)

    def test_commands_that_are_run_or_have_a_reason_are_left_alone(self):
        self.put('tests/runs.py', 'page.md\n')
        self.assertEqual(self.found('<!-- run by tests/runs.py -->'), [])
        self.assertEqual(self.found('# Title', '', '<!-- not run: needs Docker -->'), [])


class Changelog(unittest.TestCase):
    GOOD = '# Changelog\n\n## [0.2.0] - unreleased\n\n### Added\n\n- a\n\n## [0.1.0] - 2026-01-31\n\n### Fixed\n\n- b\n'

    def test_each_planted_form_is_found(self):
        for old, new in (('# Changelog', '# Changes'), ('- unreleased', ''), ('### Added', '### News'), ('- a\n', ''),
                         ('2026-01-31', '2026-13-31'), ('[0.1.0]', '[0.3.0]'), ('[0.2.0]', '[0.2.1]')):
            with self.subTest(new):
                self.assertTrue(check_changelog.findings(self.GOOD.replace(old, new, 1), '0.2.0'))

    def test_a_good_one_is_left_alone(self):
        self.assertEqual(check_changelog.findings(self.GOOD, '0.2.0'), [])


class LogFields(unittest.TestCase):
    PAGE = '# Log\n\n## Fields\n\n| field | meaning |\n|---|---|\n| `known`, `other` | of `hidden` |\n\n## More\n\n| `late` | x |\n'

    def test_a_field_that_the_page_lacks_is_found(self):
        known = check_log_fields.documented(self.PAGE)
        self.assertEqual(known, {'known', 'other'})
        for source in ('log::info("event", "text (it)", {{"known", a(b)},\n {"hidden", 1}});', 'log::write(level(), "event", text,\n {{"late", 1}});',
                       'const log::Field retry("retry_in_ms", 1);'):
            with self.subTest(source):
                self.assertEqual(len(check_log_fields.findings(source, known)), 1)

    def test_other_braces_are_left_alone(self):
        source = 'log::info("event", "text", {{"known", 1}, {"other", 2}});\nJson json{{"status", "ok"}};  // log::info("a", {{"b", 1}})'
        self.assertEqual(check_log_fields.findings(source, {'known', 'other'}), [])


class Shell(Tree):
    def test_shellcheck_speaks(self):
        bad = self.put('bad', '#!/bin/sh\nrm -r $1/x\n')
        good = self.put('good', '#!/bin/sh\nrm -r "$1/x"\n')
        self.assertTrue(check_shell.is_shell(self.root, bad))
        self.assertTrue(check_shell.findings(self.root, [bad]))
        self.assertEqual(check_shell.findings(self.root, [good]), [])
        self.assertFalse(check_shell.is_shell(self.root, self.put('other', '#!/usr/bin/env python3\n')))


class VolumeNames(unittest.TestCase):
    KNOWN = check_volume_names.names('inline constexpr const char* lock_file = ".lock";\n'
                                     'inline constexpr const char* trees_directory = "trees";\n'
                                     'inline constexpr const char* trash_prefix = ".gone-";\n')

    def test_the_header_is_read(self):
        self.assertEqual(self.KNOWN, {'.lock', 'trees', '.gone-'})

    def test_names_and_paths_are_found(self):
        for literal in ('.lock', '.adapter/.lock', 'trees', '/trees/', '.gone-', '.gone-1', 'a/.gone-'):
            with self.subTest(literal):
                found = check_volume_names.findings(f'int a;\nopen("{literal}");', self.KNOWN)
                self.assertEqual([line for line, _ in found], [2])

    def test_sentences_and_suffixes_of_refs_are_left_alone(self):
        source = ('#include "trees"\n// "trees"\nlog("old trees", "the trees are gone");\n'
                  'if (part.ends_with(".lock")) { throw Error("ends with .lock"); }\n')
        self.assertEqual(check_volume_names.findings(source, self.KNOWN), [])


class Reports(unittest.TestCase):
    def test_a_lint_that_saw_no_file_has_failed(self):
        self.assertEqual(common.report('x', [], 0), 1)
        self.assertEqual(common.report('x', ['a'], 1), 1)
        self.assertEqual(common.report('x', [], 1), 0)

    def test_blanking_keeps_lines_and_length(self):
        source = 'a("{//"); /* {\n */ R"(}\n")" \'{\' // }\n'
        self.assertEqual(len(common.blank(source)), len(source))
        self.assertEqual(common.blank(source).count('\n'), source.count('\n'))
        self.assertNotIn('{', common.blank(source))
        self.assertNotIn('}', common.blank(source))


if __name__ == '__main__':
    unittest.main()
