"""Faults that the rules of rules/sftp.py must see: (what is wrong, the rule that must say so, how to plant it)."""

from planted.making import drop, properties, put, statement

SERVER = properties("SftpServer")


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
    ("logins that another function judges", "sftp_asks_our_function",
     put(*SERVER, "IdentityProviderDetails", "Fn::If", 1, "Function", {"Fn::GetAtt": ["ApplyFunction", "Arn"]})),
    ("logins that no function judges", "sftp_asks_our_function", drop(*SERVER, "IdentityProviderDetails")),
    ("users of Transfer's own beside the function", "sftp_asks_our_function",
     put(*SERVER, "IdentityProviderType", "SERVICE_MANAGED")),
    ("logins with key and password", "sftp_asks_our_function",
     put(*SERVER, "IdentityProviderDetails", "Fn::If", 1, "SftpAuthenticationMethods", "PUBLIC_KEY_AND_PASSWORD")),
    ("any SFTP server may guess passwords", "sftp_asks_our_function",
     drop(*properties("SftpIdentityPermission", "SourceArn"))),
    ("any account may guess passwords", "sftp_asks_our_function",
     drop(*properties("SftpIdentityPermission", "SourceAccount"))),
    ("another service may guess passwords", "sftp_asks_our_function",
     put(*properties("SftpIdentityPermission", "Principal"), "apigateway.amazonaws.com")),
    ("Transfer may not ask", "sftp_asks_our_function", drop("SftpIdentityPermission")),
    ("logins can be written by who judges them", "exact_actions",
     statement("SftpIdentityRole", "ReadLogins", Action=["dynamodb:GetItem", "dynamodb:UpdateItem"])),
    ("SFTP users read plans", "sftp_users_stay_at_home",
     statement("SftpUserRole", "ReadAndDelete", Resource={"Fn::Sub": "${Bucket.Arn}/*"})),
    ("SFTP users write error files", "sftp_users_stay_at_home",
     statement("SftpUserRole", "Upload", Resource={"Fn::Sub": "${Bucket.Arn}/sftp/*"})),
    ("SFTP users start imports", "sftp_users_stay_at_home",
     statement("SftpUserRole", "Upload", Resource={"Fn::Sub": "${Bucket.Arn}/inbox/*"})),
    ("SFTP users list every account", "sftp_users_stay_at_home", statement("SftpUserRole", "ListHomes", Condition={})),
    ("SFTP users may more with objects", "sftp_users_stay_at_home",
     statement("SftpUserRole", "ReadAndDelete", Action=["s3:GetObject", "s3:DeleteObject", "s3:DeleteObjectVersion"])),
    ("SFTP users' role for any account's server", "sftp_users_stay_at_home",
     drop(*properties("SftpUserRole", "AssumeRolePolicyDocument", "Statement", 0, "Condition"))),
    ("sessions with the workflow's role", "sftp_users_stay_at_home",
     put(*properties("SftpIdentityFunction", "Environment", "Variables", "MUSTER_SFTP_ROLE_ARN"),
         {"Fn::GetAtt": ["SftpWorkflowRole", "Arn"]})),
    ("folders that nobody made", "sftp_folders_are_there", drop(*SERVER, "S3StorageOptions")),
    ("uploads fail for a file's time", "sftp_takes_times", drop(*SERVER, "ProtocolDetails")),
]
