"""Making faults: each of these gives a function that breaks a transformed template."""


def put(*path_and_value):
    """A fault that sets what stands at a path below Resources."""
    *path, last, value = path_and_value

    def plant(template):
        place = template["Resources"]
        for key in path:
            place = place[key]
        place[last] = value

    return plant


def drop(*path):
    """A fault that takes away what stands at a path below Resources."""

    def plant(template):
        place = template["Resources"]
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return plant


def statement(role, sid, **changes):
    """A fault in one statement of a role's policy."""

    def plant(template):
        found = template["Resources"][role]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        next(one for one in found if one["Sid"] == sid).update(changes)

    return plant


def properties(resource, *path):
    return (resource, "Properties", *path)
