import pandas as pd
import pytest

from skgensynth.files import DATASETS, load_dataset, read_table, write_table


def _read(tmp_path, text, name="table.csv"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read_table(path)


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        (["007", "012"], "object", ["007", "012"]),
        (["007.5", "1.5"], "object", ["007.5", "1.5"]),
        (["1", "-2"], "int64", [1, -2]),
        (["0", "1"], "int64", [0, 1]),
        (["1", ""], "Int64", [1, pd.NA]),
        (["9007199254740993", ""], "Int64", [9007199254740993, pd.NA]),
        (["12345678901234567890", "1"], "object", ["12345678901234567890", "1"]),
        (["0.5", "1e3"], "float64", [0.5, 1000.0]),
        (["True", "false"], "bool", [True, False]),
        (["True", ""], "boolean", [True, pd.NA]),
        (["2020-01-31", "2020-02-01"], "datetime", [pd.Timestamp("2020-01-31"), pd.Timestamp("2020-02-01")]),
        (["2020-13-01", "2020-12-01"], "object", ["2020-13-01", "2020-12-01"]),
        (["a", "1"], "object", ["a", "1"]),
        (["a, b", 'c "d"'], "object", ["a, b", 'c "d"']),
    ],
)
def test_csv_columns_keep_what_their_text_says(tmp_path, values, dtype, expected):
    quoted = ['"' + value.replace('"', '""') + '"' if value else "" for value in values]
    column = _read(tmp_path, "x,other\n" + "".join(f"{value},k\n" for value in quoted))["x"]
    if dtype == "object":
        assert pd.api.types.is_string_dtype(column.dtype) or column.dtype == object
    elif dtype == "datetime":
        assert pd.api.types.is_datetime64_dtype(column.dtype)
    else:
        assert column.dtype == dtype
    for value, wanted in zip(column, expected, strict=True):
        assert value is wanted or value == wanted


def test_a_column_without_values_stays_missing(tmp_path):
    assert _read(tmp_path, "x,y\n,1\n,2\n")["x"].isna().all()


@pytest.mark.parametrize("name", ["table.csv", "table.csv.gz", "table.parquet"])
def test_tables_come_back_as_written(tmp_path, name):
    table = pd.DataFrame(
        {
            "code": ["007", "011", "012"],
            "count": pd.array([1, None, 3], dtype="Int64"),
            "share": [0.25, None, 1.5],
            "flag": [True, False, True],
            "day": pd.to_datetime(["2020-01-31", None, "2021-12-01"]),
        }
    )
    write_table(table, tmp_path / name)
    back = read_table(tmp_path / name)
    pd.testing.assert_frame_equal(back, table, check_dtype=name.endswith("parquet"))
    assert back["count"].dtype == "Int64"


def test_parquet_carries_its_types(tmp_path):
    table = pd.DataFrame({"stage": pd.Categorical(["i", "ii"], categories=["i", "ii", "iii"], ordered=True)})
    write_table(table, tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(read_table(tmp_path / "table.parquet"), table)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("table.csv", "", "the file is empty"),
        ("table.csv", "a,b\n", "no rows"),
        ("table.csv", "a,b\n1,2\n1,2,3\n", "not a CSV file"),
        ("table.csv", "a,b,a\n1,2,3\n", "more than one column is called 'a'"),
        ("table.xlsx", "a", "must end in"),
        ("table.parquet", "a,b\n1,2\n", "not a Parquet file"),
    ],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message) as caught:
        _read(tmp_path, text, name)
    assert name in str(caught.value)


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "table.csv").write_bytes("größe\n1\n".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        read_table(tmp_path / "table.csv")


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / "table.csv").write_bytes(b"\xef\xbb\xbfage,sex\n1,F\n")
    assert list(read_table(tmp_path / "table.csv").columns) == ["age", "sex"]


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_shipped_tables_load_with_their_target_last(name):
    table, target = load_dataset(name)
    assert table.columns[-1] == target
    assert len(table) > 100


def test_an_unknown_dataset_names_those_there_are():
    with pytest.raises(ValueError, match="breast_cancer, diabetes, iris, wine"):
        load_dataset("titanic")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape", "n_missing"),
    [
        ("heart_failure_clinical_records.csv", (299, 13), 0),
        ("cirrhosis.csv", (418, 20), 1033),
        ("stroke.csv", (5110, 12), 201),
        ("adult.csv.gz", (32561, 15), 4262),
        ("parkinsons.csv", (195, 24), 0),
    ],
)
def test_public_tables_are_read_whole(data_folder, name, shape, n_missing):
    table = read_table(data_folder / name)
    assert table.shape == shape
    assert table.isna().to_numpy().sum() == n_missing
