# SPDX-License-Identifier: Apache-2.0
"""scripts/count-tests counts cases, sees crashes, and refuses an empty run."""
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

_PROGRAM = Path(__file__).resolve().parents[2] / 'scripts' / 'count-tests'
_LOADER = importlib.machinery.SourceFileLoader('count_tests', str(_PROGRAM))
count_tests = importlib.util.module_from_spec(importlib.util.spec_from_loader('count_tests', _LOADER))
_LOADER.exec_module(count_tests)

GTEST = ('[ RUN      ] A.b\n[       OK ] A.b (0 ms)\n[ RUN      ] A.c\n[  FAILED  ] A.c (1 ms)\n'
         '[       OK ] P/A.d/0 (2 ms)\n[  SKIPPED ] A.e (0 ms)\n[  FAILED  ] A.c\n')


class Counts(unittest.TestCase):
    def check(self, want: tuple, **test):
        self.assertEqual(count_tests.counts(test), want)

    def test_cases_of_googletest(self):
        self.check((2, 1, 1), stdout=GTEST, result='FAIL')

    def test_a_crash_after_good_cases_is_a_failure(self):
        self.check((1, 1, 0), stdout='[       OK ] A.b (0 ms)\n[ RUN      ] A.c\n', result='ERROR')

    def test_a_line_of_counts(self):
        self.check((12, 1, 0), stdout='x\ne2e: 12 passed, 1 failed\n', result='FAIL')
        self.check((5, 0, 2), stdout='5 passed, 0 failed, 2 skipped\n', result='OK')

    def test_unittest(self):
        self.check((5, 2, 1), stderr='Ran 8 tests in 1.2s\n\nFAILED (failures=1, errors=1, skipped=1)\n', result='FAIL')
        self.check((8, 0, 0), stderr='Ran 8 tests in 1.2s\n\nOK\n', result='OK')

    def test_other_programs_are_one_test(self):
        self.check((1, 0, 0), stdout='', result='OK')
        self.check((0, 1, 0), stdout='', result='TIMEOUT')
        self.check((0, 0, 1), stdout='', result='SKIP')


class Runs(unittest.TestCase):
    def run_with(self, *tests: dict) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / 'count-unit.json'
            log.write_text('\n'.join(json.dumps(test) for test in tests), encoding='utf-8')
            output = io.StringIO()
            before, sys.argv = sys.argv, ['count-tests', str(log)]
            try:
                with contextlib.redirect_stdout(output):
                    status = count_tests.main()
            finally:
                sys.argv = before
        return status, output.getvalue().splitlines()[-1]

    def test_the_last_line_and_the_exit_code(self):
        good = {'name': 'a', 'stdout': '[       OK ] A.b (0 ms)\n', 'result': 'OK'}
        bad = {'name': 'b', 'stdout': '', 'result': 'FAIL'}
        self.assertEqual(self.run_with(good, good), (0, 'tests: 2 passed, 0 failed, 0 skipped'))
        self.assertEqual(self.run_with(good, bad), (1, 'tests: 1 passed, 1 failed, 0 skipped'))

    def test_no_test_and_skipped_tests_are_no_success(self):
        self.assertEqual(self.run_with()[0], 1)
        self.assertEqual(self.run_with({'name': 'a', 'result': 'SKIP'})[0], 1)


if __name__ == '__main__':
    unittest.main()
