"""Plans and leads that several tests of the router use."""

from router import Salesperson

PLAN = """\
people:
  - {id: a, name: 销售甲, team: east, capacity: 3, weight: 2}
  - {id: b, name: 销售乙, team: east, capacity: 3}
  - {id: c, name: 销售丙, team: east, capacity: 3, levels: [B, C], active: true}
  - {id: d, name: 销售丁, team: east, capacity: 3, active: false}
  - {id: h, name: 热线, team: hotline, capacity: 100}
rules:
  - name: 华东大客户
    regions: [上海, 江苏]
    product_lines: 云
    levels: [A]
    people: [a, c, d]
  - {name: 华东, regions: [上海, 江苏], team: east, pool: east}
  - {name: 大预算, when: 'number(answers["预算"]) >= 100000', team: east}
fallback_team: hotline
"""


def person(id_: str, *, capacity: int = 10, weight: int = 1, team: str = "east") -> Salesperson:
    return Salesperson(id=id_, name=f"销售{id_}", team=team, capacity=capacity, weight=weight)
