"""What lifelines and statsmodels find in the pooled rows of `tcga-brca`: the numbers that tests compare regressions and survival with.

    python -m venv ENV && ENV/bin/pip install lifelines==0.30.3 statsmodels==0.15.0 pyarrow
    python benchmarks/survival_references.py table FOLDER TABLE.csv     # with cipherward: the prepared rows
    ENV/bin/python benchmarks/survival_references.py fit TABLE.csv tests/tasks/tcga_brca_references.json

lifelines and statsmodels are no dependencies of cipherward, so that the second part runs in an environment of its own.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def table(folder: Path, out: Path) -> None:
    """The prepared rows of the study's six regions."""
    from cipherward.data import public, tcga_brca

    found = public.load_tcga_brca(public.locate("tcga-brca", folder))
    found.filter(found["hospital"] != tcga_brca.ELSEWHERE).write_csv(out)


def fit(source: Path, out: Path) -> None:
    """Every reference, as JSON."""
    import numpy as np
    import pandas as pd
    import statsmodels.api as sm
    from lifelines import CoxPHFitter, KaplanMeierFitter
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.duration.survfunc import survdiff

    rows = pd.read_csv(source)
    x = pd.DataFrame({"age": rows["age"].astype(float)})
    for column, names in (("stage", ("II", "III", "other")), ("histology", ("lobular", "other"))):
        for name in names:
            x[f"{column} = {name}"] = (rows[column] == name).astype(float)
    x["prior_malignancy = yes"] = (rows["prior_malignancy"] == "yes").astype(float)

    def listed(names: Any, *columns: Any) -> dict[str, list[float]]:
        each = zip(*(np.asarray(column, dtype=float) for column in columns), strict=True)
        return {str(name): list(values) for name, values in zip(names, each, strict=True)}

    def of_cox(time: Any, event: Any) -> dict[str, list[float]]:
        frame = x.assign(days=time, died=event, hospital=rows["hospital"])
        fitter = CoxPHFitter()
        fitter.fit(frame, "days", "died", strata=["hospital"], fit_options={"precision": 1e-10})
        found = fitter.summary
        return listed(found.index, found["coef"], found["se(coef)"], found["p"])

    found: dict[str, Any] = {"versions": {each: version(each) for each in ("lifelines", "statsmodels")}}
    found["cox_efron"] = of_cox(rows["days"], rows["died"])
    # each region's rows followed up while ten are at risk
    cut = rows.groupby("hospital")["days"].transform(lambda days: np.sort(days)[-10])
    found["cox_ten_at_risk"] = of_cox(np.minimum(rows["days"], cut), rows["died"] * (rows["days"] <= cut))
    model = PHReg(rows["days"], x, rows["died"], ties="breslow", strata=rows["hospital"])
    fitted = model.fit()
    found["cox_breslow"] = listed(x.columns, fitted.params, fitted.bse, fitted.pvalues)
    logit = sm.Logit(rows["died"], sm.add_constant(x)).fit(disp=0, tol=1e-12, method="newton")
    found["logistic"] = listed(["(intercept)", *x.columns], logit.params, logit.bse, logit.pvalues)
    found["logistic_likelihood"] = [float(logit.llf), float(logit.llnull)]
    seen = rows["days"] > 0.0
    for name, errors in (("poisson", "nonrobust"), ("poisson_robust", "HC0")):
        glm = sm.GLM(
            rows["died"][seen], sm.add_constant(x)[seen], sm.families.Poisson(), offset=np.log(rows["days"][seen])
        )
        rate = glm.fit(tol=1e-12, maxiter=100, cov_type=errors)
        found[name] = listed(["(intercept)", *x.columns], rate.params, rate.bse, rate.pvalues)
        found["poisson_fit"] = [float(rate.llf), float(rate.llnull), float(rate.pearson_chi2 / rate.df_resid)]
    robust = sm.Logit(rows["died"], sm.add_constant(x)).fit(disp=0, tol=1e-12, method="newton", cov_type="HC0")
    found["logistic_robust"] = listed(["(intercept)", *x.columns], robust.params, robust.bse, robust.pvalues)
    statistic, p = survdiff(rows["days"], rows["died"], rows["stage"], strata=rows["hospital"])
    found["log_rank_stage"] = [float(statistic), float(p)]
    ended = np.minimum(rows["days"], cut), rows["died"] * (rows["days"] <= cut)
    statistic, p = survdiff(*ended, rows["stage"], strata=rows["hospital"])
    found["log_rank_ten_at_risk"] = [float(statistic), float(p)]
    curves = {"all": np.ones(len(rows), dtype=bool)} | {
        name: (rows["stage"] == name).to_numpy() for name in ("I", "II", "III", "other")
    }
    found["kaplan_meier"] = {}
    for name, chosen in curves.items():
        km = KaplanMeierFitter().fit(rows["days"][chosen], rows["died"][chosen])
        steps = km.survival_function_["KM_estimate"]
        low, high = (km.confidence_interval_[f"KM_estimate_{end}_0.95"] for end in ("lower", "upper"))
        died = km.event_table["observed"] > 0
        found["kaplan_meier"][name] = {
            "time": [float(time) for time in steps.index[died]],
            "survival": [round(float(value), 7) for value in steps[died]],
            "low": [round(float(value), 5) for value in low[died]],
            "high": [round(float(value), 5) for value in high[died]],
        }
    out.write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    {"table": table, "fit": fit}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
