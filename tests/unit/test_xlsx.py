"""The workbook: words in cells, nothing that runs, the same bytes for the same records, no row dropped."""

import io
import zipfile

import openpyxl
import pytest

from audit.export import xlsx
from audit.export.columns import HEADERS, exchanges, row
from audit.export.xlsx import write_xlsx
from tests.kit.audit_house import quick_folder
from tests.kit.dossiers import HOSTILE, REASONS, dossier_of, eventful, steady

folder = pytest.fixture(scope="module")(quick_folder)


@pytest.fixture(scope="module")
def dossier(folder):
    return steady(dossier_of(eventful(folder)))


@pytest.fixture(scope="module")
def data(dossier):
    return write_xlsx(dossier, REASONS, b"the csv")


@pytest.fixture
def book(data):
    return openpyxl.load_workbook(io.BytesIO(data))


def test_equal_records_give_equal_bytes(dossier, data):
    assert write_xlsx(dossier, REASONS, b"the csv") == data


def test_sheets_are_the_promised_ones(book):
    names = ["Summary", "Records", "Exceptions", "Coverage", "What these columns mean", "Files and counts"]
    assert book.sheetnames == names


def test_every_record_is_there_as_the_csv_has_it(book, dossier):
    rows = [[cell.value if cell.value is not None else "" for cell in line] for line in book["Records"].iter_rows()]
    assert rows[0] == list(HEADERS)
    assert rows[1:] == [list(row(exchange, REASONS)) for exchange in exchanges(dossier)]


def test_nothing_runs_and_nothing_links(book, data):
    cells = [cell for sheet in book for line in sheet.iter_rows() for cell in line]
    assert HOSTILE in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} <= {"s", "n"}  # no formula
    assert not any(cell.hyperlink for cell in cells)
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert not [name for name in names if "vba" in name.lower() or "external" in name.lower()]


def test_every_column_is_explained(book):
    meanings = {line[0].value: line[1].value for line in book["What these columns mean"].iter_rows(min_row=2)}
    assert list(meanings) == list(HEADERS)
    assert all(meanings[name] != name for name in HEADERS)


def test_no_code_stands_without_words(book, dossier):
    said = {str(cell.value) for line in book["Records"].iter_rows(min_row=2) for cell in line}
    codes = {"ok", "refused", "blocked", "TREAT", "E1", "permit", "prompt_refused"}
    assert not said & codes


def test_a_full_sheet_goes_on_in_the_next(dossier, monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_ROWS", 3)
    book = openpyxl.load_workbook(io.BytesIO(write_xlsx(dossier, REASONS, b"")))
    counts = [book[name].max_row - 1 for name in book.sheetnames if name.startswith("Records")]
    assert sum(counts) == len(exchanges(dossier))
    assert max(counts) == 3


def test_the_last_sheet_names_the_csv(book):
    values = {line[0].value: line[1].value for line in book["Files and counts"].iter_rows(min_row=2)}
    assert len(values["SHA-256 of records.csv"]) == 64
    assert values["Rows on the sheet Records"] == 7
