"""Faults that the rules of rules/sftp.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import drop, properties, put



def open_to_all(template):
    group = template["Resources"]["SftpSecurityGroup"]["Properties"]
    group["SecurityGroupIngress"][0]["CidrIp"] = "0.0.0.0/0"


def open_by_default(template):
    template["Parameters"]["SftpAllowedCidr"]["Default"] = "0.0.0.0/0"


def user_at_large(template):
    home = {"HomeDirectoryType": "PATH", "HomeDirectory": "/bucket/sftp/acme", "ServerId": "s-1", "UserName": "acme"}
    template["Resources"]["SftpUser"] = {"Type": "AWS::Transfer::User", "Properties": home}


def users_see_everything(template):
    for one in template["Resources"]["SftpUserRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]:
        one.pop("Condition", None)


PLANTED = [
    ("SFTP open to all", "sftp_is_fenced", open_to_all),
    ("old SSH policy", "ssh_policy", put(*properties("SftpServer", "SecurityPolicyName"), "TransferSecurityPolicy-2020-06")),
    ("no SSH policy", "ssh_policy", drop(*properties("SftpServer", "SecurityPolicyName"))),
    ("public SFTP endpoint", "sftp_is_fenced", put(*properties("SftpServer", "EndpointType"), "PUBLIC")),
    ("SFTP open to all by default", "sftp_is_fenced", open_by_default),
    ("fragments go to the inbox", "uploads_are_copied",
     put(*properties("SftpServer", "WorkflowDetails", "OnPartialUpload", 0, "WorkflowId"),
         {"Fn::GetAtt": ["CompleteUploadWorkflow", "WorkflowId"]})),
    ("uploads stay in the homes", "uploads_are_copied", drop(*properties("SftpServer", "WorkflowDetails"))),
    ("user with a path for a home", "sftp_users_stay_home", user_at_large),
    ("users list the bucket", "sftp_users_stay_home", users_see_everything),
    ("users write the inbox", "sftp_users_stay_home",
     put(*properties("SftpUserRole", "Policies", 0, "PolicyDocument", "Statement", 0, "Resource"),
         {"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
]
