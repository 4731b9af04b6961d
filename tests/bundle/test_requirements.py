import onnxruntime
import pytest

from tabi.bundle.requirements import require_runtime
from tabi.errors import BundleError


@pytest.mark.parametrize(
    "runtime", [{}, {"onnxruntime": ">=1.22"}, {"onnxruntime": f"=={onnxruntime.__version__}", "numpy": ">=2,<9"}]
)
def test_a_runtime_that_fits_is_let_through(runtime: dict[str, str]) -> None:
    require_runtime(runtime, "the bundle b")


@pytest.mark.parametrize(
    ("runtime", "said"),
    [
        (
            {"onnxruntime": ">=99"},
            f"the bundle b needs onnxruntime>=99, this is onnxruntime {onnxruntime.__version__}: ",
        ),
        ({"numpy": ">=2", "onnxruntime": "<1"}, "the bundle b needs onnxruntime<1, "),
        ({"no-such-package": ">=1"}, "the bundle b needs no-such-package>=1, which is not installed"),
        ({"onnxruntime": "newest"}, "manifest.json of the bundle b asks for a version of onnxruntime that is none"),
    ],
)
def test_another_version_is_refused_by_name(runtime: dict[str, str], said: str) -> None:
    with pytest.raises(BundleError) as refused:
        require_runtime(runtime, "the bundle b")
    assert str(refused.value).startswith(said)
