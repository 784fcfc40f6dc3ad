"""Faults that the rules of rules/settings.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import drop, properties


def forget(*path):
    """A fault that takes away what stands at a path of the whole template."""

    def plant(template):
        place = template
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return plant


PLANTED = [
    ("parameter without words", "parameters_are_explained", forget("Parameters", "MailFrom", "Description")),
    ("pattern without words", "parameters_are_explained", forget("Parameters", "MailFrom", "ConstraintDescription")),
    ("parameter out of order", "parameters_are_explained",
     forget("Metadata", "AWS::CloudFormation::Interface", "ParameterGroups", 0)),
    ("parameter that is gone", "parameters_are_explained", forget("Parameters", "Stage")),
    ("SFTP without subnets", "settings_come_together", forget("Rules", "SftpHasSubnets")),
    ("host name without certificate", "settings_come_together", forget("Rules", "AdminDomainHasCertificate")),
    ("table of no stage", "staged", drop(*properties("Table", "Tags"))),
]
