"""Write the golden report anew: python -m tests.golden.report.make_report"""

import tempfile
from pathlib import Path

from tests.kit.dossiers import dossier_of, eventful, golden_files, steady

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        for file, data in golden_files(steady(dossier_of(eventful(Path(name))))).items():
            (Path(__file__).parent / file).write_bytes(data)
