"""`config.yaml` over the defaults, overrides over both."""

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tabi.errors import ConfigError, NotFoundError
from tabi.project import (
    ColumnConfig,
    ProjectConfig,
    SearchConfig,
    Severity,
    config_from_yaml,
    config_to_yaml,
    dataset_label,
    load_config,
    project_names,
)
from tabi.project.config import Kind, Mode
from tabi.workspace import Workspace

REPOSITORY = Path(__file__).resolve().parents[2]
LEAST = "source: csv:a.csv\ntarget: y\n"


def load(workspace: Workspace, text: str, *overrides: str) -> ProjectConfig:
    folder = workspace.projects / "p"
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    return load_config(workspace, "p", overrides)


def refusal(workspace: Workspace, text: str, *overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(workspace, text, *overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_source_and_a_target_are_enough(workspace: Workspace) -> None:
    assert load(workspace, LEAST) == ProjectConfig(name="p", source="csv:a.csv", target="y")


def test_gates_are_configured_by_name_and_off_is_a_word(workspace: Workspace) -> None:
    text = LEAST + "gates: {severity: {security: off, latency: warn}, minimum: {acc: 0.7}}\n"
    config = load(workspace, text, "gates.severity.size=off", "gates.minimum.recall=0.5", "fairness.sensitive=[sex]")
    words = {"security": Severity.off, "latency": Severity.warn, "size": Severity.off}
    assert config.gates.severity == words
    assert config.gates.minimum == {"acc": 0.7, "recall": 0.5}
    assert config.fairness.sensitive == ["sex"]
    assert config_from_yaml(config_to_yaml(config)) == config


def test_a_query_that_reads_the_environment_is_refused_and_not_filled_in(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABI_TEST_HIDDEN", "hidden")
    database = "source: sql:postgresql://${oc.env:TABI_TEST_HIDDEN}/people\ntarget: y\n"
    told = refusal(workspace, database + "query: SELECT dblink('${oc.env:TABI_TEST_HIDDEN}')\n")
    assert "`query` reads a variable of the environment" in told
    assert "hidden" not in told
    config = load(workspace, database + "sample: 9\nquery: SELECT * FROM a LIMIT ${sample}\n")
    assert (config.source, config.query) == ("sql:postgresql://hidden/people", "SELECT * FROM a LIMIT 9")


PROJECTS = ["adult", "breast_cancer", "credit-g", "tickets-en", "tickets-ja"]


@pytest.mark.parametrize("name", PROJECTS)
def test_the_projects_of_this_repository_compose(name: str) -> None:
    config = load_config(Workspace.find(REPOSITORY, {}), name)
    assert config.name == name
    assert (config.positive is None) == name.startswith("tickets")
    assert config_from_yaml(config_to_yaml(config)) == config


def test_the_projects_of_this_repository_are_these() -> None:
    assert project_names(Workspace.find(REPOSITORY, {})) == PROJECTS


def test_overrides_go_over_the_file_which_goes_over_the_defaults(workspace: Workspace) -> None:
    text = LEAST + "seed: 1\nsearch: {folds: 3}\nparams: {max_iter: 10}\n"
    config = load(workspace, text, "search.mode=fast", "search.folds=4", "params.max_iter=20", "params.new=a")
    assert (config.seed, config.search) == (1, SearchConfig(mode=Mode.fast, folds=4))
    assert config.params == {"max_iter": 20, "new": "a"}


def test_an_override_of_a_column_takes_blanks_and_dots_in_its_name(workspace: Workspace) -> None:
    config = load(workspace, LEAST, "columns.mean radius.maximum=20", "columns.v1.2.kind=numeric", "seed=3")
    assert config.columns["mean radius"].maximum == 20
    assert str(config.columns["v1.2"].kind) == "Kind.numeric"
    assert config.seed == 3


def test_an_override_may_describe_a_column_that_the_file_does_not_name(workspace: Workspace) -> None:
    config = load(workspace, LEAST, "columns.education-num.kind=categorical", "columns.age.minimum=0")
    assert config.columns == {"education-num": ColumnConfig(kind=Kind.categorical), "age": ColumnConfig(minimum=0.0)}


def test_the_search_space_is_the_projects_own(workspace: Workspace) -> None:
    config = load(workspace, LEAST + "search: {space: {a: [1]}}\n", "search.space.b=[2,null]", "+search.factor=2")
    assert config.search.space == {"a": [1], "b": [2, None]}
    assert config.search.factor == 2


def test_one_project_leaves_nothing_in_the_next(workspace: Workspace) -> None:
    load(workspace, LEAST + "params: {a: 1}\ncolumns: {age: {minimum: 0}}\n")
    assert load(workspace, LEAST) == ProjectConfig(name="p", source="csv:a.csv", target="y")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("serch: {}", "unknown key 'serch'; did you mean 'search'?"),
        ("search: {fold: 3}", "unknown key 'search.fold'; did you mean 'search.folds'?"),
        ("search: {1: 3}", "unknown key 'search.1'"),
        ("auc_minimum: 1", "did you mean 'gates.auc_minimum'?"),
        ("columns: {age: {minimun: 3}}", "did you mean 'columns.age.minimum'?"),
        ("defaults: []", "unknown key 'defaults'"),
        ("zzzzzz: 1", "see docs/configuration.md"),
        ("search: 3", "'search' must hold keys and values"),
        ("columns: [age]", "'columns' must hold keys and values"),
        ("columns: {age: 3}", "'columns.age' must hold keys and values"),
        ("params: [1]", "'params' must hold keys and values"),
        ("columns: {1: {}}", "columns.1: Key 1 (int) is incompatible"),
        ("search: {folds: x}", "search.folds: Value 'x' of type 'str' could not be converted to Integer"),
        ("columns: {age: {kind: number}}", "columns.age.kind: Invalid value 'number', expected one of [numeric, "),
        ("drop: [[a]]", "drop[0]: Cannot convert 'list' to string"),
        ("seed: ${nope}", "seed: Interpolation key 'nope' not found"),
    ],
)
def test_a_fault_in_the_file_is_told_with_its_place(workspace: Workspace, line: str, told: str) -> None:
    message = refusal(workspace, LEAST + line)
    assert message.startswith(str(workspace.projects / "p" / "config.yaml"))
    assert told in message


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("nope", "'nope' is not of the form key=value"),
        ("=3", "'=3' is not of the form key=value"),
        ("~seed", "'~seed' is not of the form key=value"),
        ("search.mod=fast", "unknown key 'search.mod'; did you mean 'search.mode'?"),
        ("search.mode=slow", "search.mode: Invalid value 'slow', expected one of [fast, full]"),
        ("hydra.run.dir=x", "unknown key 'hydra.run.dir'"),
        ("columns.age.kindd=numeric", "did you mean 'columns.age.kind'?"),
        ("columns.age=3", "unknown key 'columns.age'; did you mean 'columns.age."),
        ("seed=[1", "'seed=[1' cannot be read as key=value"),
        ("seed=x", "seed: Value 'x'"),
    ],
)
def test_a_fault_in_an_override_is_told(workspace: Workspace, override: str, told: str) -> None:
    assert told in refusal(workspace, LEAST, override)


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("split.test_size=0", "split.test_size must be above 0 and below 1"),
        ("split.test_size=1", "split.test_size must be above 0 and below 1"),
        ("search.folds=1", "search.folds must be 2 or more"),
        ("search.candidates=0", "search.candidates must be 1 or more"),
        ("search.jobs=0", "search.jobs must be 1 or more, or -1 for all cores"),
        ("search.min_resources=0", "search.min_resources must be 1 or more"),
        ("seed=-1", "seed must be between 0 and 4294967295"),
        ("threshold.value=1.5", "threshold.value must be between 0 and 1"),
        ("threshold.cost_false_positive=.inf", "threshold.cost_false_positive must be 0 or more"),
        ("gates.parity=.nan", "gates.parity must be 0 or more"),
        ("name=../other", "name must be of letters, digits"),
    ],
)
def test_a_value_outside_its_range_is_refused(workspace: Workspace, override: str, told: str) -> None:
    assert told in refusal(workspace, LEAST, override.replace(".inf", "inf").replace(".nan", "nan"))


@pytest.mark.parametrize("key", ["source", "target"])
def test_what_has_no_default_must_be_given(workspace: Workspace, key: str) -> None:
    text = "".join(line for line in LEAST.splitlines(keepends=True) if not line.startswith(key))
    assert f"{key!r} has no default: give it a value" in refusal(workspace, text)


@pytest.mark.parametrize("text", ["", "- a", "words", "1: 2"])
def test_a_file_that_holds_no_keys_is_refused(workspace: Workspace, text: str) -> None:
    assert "must hold keys and values" in refusal(workspace, text)


def test_broken_yaml_is_told_with_its_line(workspace: Workspace) -> None:
    assert "is not valid YAML at line 3" in refusal(workspace, LEAST + "a: b: c")


def test_a_file_of_another_encoding_is_refused(workspace: Workspace) -> None:
    load(workspace, LEAST)
    (workspace.projects / "p" / "config.yaml").write_bytes("source: ü".encode("latin-1"))
    with pytest.raises(ConfigError, match="is not valid YAML"):
        load_config(workspace, "p")


@pytest.mark.parametrize("name", ["adlut", "", "..", "../projects/p"])
def test_a_name_without_a_project_is_not_found(workspace: Workspace, name: str) -> None:
    load(workspace, LEAST)
    with pytest.raises(NotFoundError, match=r"there is no project .*; known: p"):
        load_config(workspace, name)


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("openml:adult@2", "openml_adult"),
        ("openml:credit-g@1", "openml_credit_g"),
        ("builtin:breast_cancer", "builtin_breast_cancer"),
        ("csv:data/a.csv", "csv_a"),
        ("parquet:b.parquet", "parquet_b"),
        ("sql:postgresql://reader@warehouse:5432/sales?sslmode=require", "sql_sales"),
        ("sql:sqlite:///data/people.db", "sql_people"),
        ("sql:env:WAREHOUSE", "sql_env_WAREHOUSE"),
        ("s3://bucket/rows/", "s3_rows"),
        ("dvc:data/rows.parquet@v1", "dvc_rows"),
        ("dvc:git@host:team/r.git#data/rows.csv@v1.2", "dvc_rows"),
    ],
)
def test_the_label_of_a_result_line(source: str, label: str) -> None:
    assert dataset_label(source) == label


def test_the_code_of_an_own_pipeline_is_read_from_the_project_and_kept_beside_the_configuration(
    workspace: Workspace,
) -> None:
    code = "def build(contract):\n    return f'${contract}'\n"
    with pytest.raises(ConfigError, match=r"preset=own needs .*p/pipeline\.py: write build\(contract\) there"):
        load(workspace, LEAST, "preset=own")
    (workspace.projects / "p" / "pipeline.py").write_text(code)
    config = load_config(workspace, "p", ["preset=own"])
    assert config.code == code
    assert "code" not in config_to_yaml(config)
    assert config_from_yaml(config_to_yaml(config), code) == config
    assert load(workspace, LEAST).code == ""
    assert "unknown key 'code'" in refusal(workspace, LEAST + "code: x\n")
    assert "unknown key 'code'" in refusal(workspace, LEAST, "code=x")


# printable, and nothing that OmegaConf reads as an interpolation
words = st.text(
    st.characters(max_codepoint=0x2FFF, exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="$\\"),
    min_size=1,
    max_size=6,
)
columns = st.builds(
    ColumnConfig,
    kind=st.none() | st.sampled_from(Kind),
    nullable=st.none() | st.booleans(),
    minimum=st.none() | st.floats(allow_nan=False),
    categories=st.none() | st.lists(words, max_size=3),
    unique=st.booleans(),
)
configs = st.builds(
    ProjectConfig,
    name=st.just("p"),
    source=words,
    target=words,
    positive=st.none() | words,
    drop=st.lists(words, max_size=2),
    columns=st.dictionaries(words, columns, max_size=2),
    params=st.dictionaries(words, st.none() | st.booleans() | st.integers() | words, max_size=2),
    seed=st.integers(0, 2**32 - 1),
)


@settings(
    max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate]
)  # a composition takes 0.1 s: no shrinking
@given(configs)
def test_a_configuration_written_as_yaml_reads_back_equal(config: ProjectConfig) -> None:
    assert config_from_yaml(config_to_yaml(config)) == config
